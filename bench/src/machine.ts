import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'

/** Where the two sides of a measurement run, so that neither takes time from the other. */
export interface Cores {
  /** One core for what is measured; null where processes cannot be pinned. */
  readonly measured: number | null
  /** Another one for the clients; null likewise. */
  readonly load: number | null
  /** For the report. */
  readonly described: string
}

/** The path of a program, looked for where systems keep those of administrators too. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

/** The path of a program, which is installed first where that is possible; else why there is none. */
export const findOrInstall = (
  program: string,
  debianPackage: string,
  say: (line: string) => void,
): { path: string } | { missing: string } => {
  const path = findProgram(program)
  if (path !== undefined) return { path }
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    return { missing: `${program} is not installed, and this is no root on a Debian` }
  }
  say(`installing ${debianPackage}, to measure against it`)
  try {
    // RUNLEVEL keeps Debian from starting a service that comes with the package.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', debianPackage], { env, stdio: 'ignore' })
  } catch {
    return { missing: `${debianPackage} could not be installed` }
  }
  const installed = findProgram(program)
  return installed === undefined ? { missing: `${debianPackage} could not be installed` } : { path: installed }
}

const expandList = (list: string): number[] =>
  list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })

/** Cores that this process may use, by number; undefined where the system does not tell. */
const allowedCores = (): number[] | undefined => {
  if (!existsSync('/proc/self/status')) return undefined
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return list === undefined ? undefined : expandList(list)
}

export const chooseCores = (): Cores => {
  const [measured, load] = allowedCores() ?? []
  if (findProgram('taskset') === undefined || measured === undefined || load === undefined) {
    const why = measured !== undefined && load === undefined ? 'there is only one core' : 'there is no taskset'
    return {
      measured: null,
      load: null,
      described: `nothing is pinned: ${why}; clients take time from what is measured`,
    }
  }
  return { measured, load, described: `measured processes on core ${measured}, clients on core ${load} (taskset)` }
}

const output = (command: string, args: readonly string[]): string | undefined => {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

const commit = (): string => {
  const folder = import.meta.dirname
  const id = output('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'])
  if (id === undefined) return 'unknown'
  const changed = output('git', ['-C', folder, 'status', '--porcelain', '--untracked-files=no']) !== ''
  return changed ? `${id} with uncommitted changes` : id
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly commit: string
  /** Processes that wanted a core in the last minute, before this run. */
  readonly loadBefore: number
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  system: `${process.platform} ${release()}`,
  node: process.version,
  commit: commit(),
  loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
})
