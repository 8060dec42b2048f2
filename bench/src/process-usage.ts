import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Linux counts the time of processes in hundredths of a second, whatever the kernel's own clock. */
const ticksPerSecond = 100

/** Seconds of a core that all threads of a process have used; undefined where the system does not tell. */
export const cpuSeconds = (pid: number): number | undefined => {
  const path = `/proc/${pid}/stat`
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  // The name of the program may hold anything, so fields are counted from its closing bracket: the third is next.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

const statusBytes = (pid: number, field: 'VmRSS' | 'VmHWM'): number | undefined => {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return undefined
  const kibibytes = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'))?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}

/** Bytes of memory that a process holds now; undefined where the system does not tell. */
export const residentBytes = (pid: number): number | undefined => statusBytes(pid, 'VmRSS')

/**
 * Watches the memory of a process from now on.
 * @returns a function that ends the watch and returns the most that the process held, in bytes
 */
export const watchPeak = (pid: number): (() => number) => {
  let exact = true
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // The kernel's own peak stays that of the whole life; samples are all there is.
    exact = false
  }
  let peakBytes = residentBytes(pid) ?? 0
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(pid) ?? 0)
  }, 50)
  return () => {
    clearInterval(timer)
    return Math.max(peakBytes, exact ? (statusBytes(pid, 'VmHWM') ?? 0) : 0)
  }
}
