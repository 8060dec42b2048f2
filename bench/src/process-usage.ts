import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Linux tells the time of whole processes in hundredths of a second, whatever the kernel's own clock. */
const ticksPerSecond = 100

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The same to the nanosecond, but only of threads that have not ended. */
const threadSeconds = (pid: number): number | undefined => {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return undefined
  const threads = readdirSync(folder).map((thread) => readIfThere(`${folder}/${thread}/schedstat`))
  const known = threads.filter((text) => text !== undefined)
  if (known.length === 0) return undefined
  return known.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]), 0) / 1e9
}

/** Seconds of a core that all threads of a process have used; undefined where the system does not tell. */
export const cpuSeconds = (pid: number): number | undefined => {
  const precise = threadSeconds(pid)
  if (precise !== undefined) return precise
  const text = readIfThere(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name of the program may hold anything, so fields are counted from its closing bracket: the third is next.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

const statusBytes = (pid: number, field: 'VmRSS' | 'VmHWM'): number | undefined => {
  const text = readIfThere(`/proc/${pid}/status`) ?? ''
  const kibibytes = new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1]
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
