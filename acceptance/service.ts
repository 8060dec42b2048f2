import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const startTimeoutMs = 120_000
const stopTimeoutMs = 20_000
const logTailLength = 20_000

/** The service as a process of its own. */
export interface RunningService {
  readonly url: string
  /** All that it printed of late, to be shown when something fails. */
  log(): string
  /** Asks it to end, as Ctrl-C or a service manager does. */
  stop(): Promise<void>
  /** Ends it, and whatever started it, at once and without notice. */
  kill(): Promise<void>
  /** Ends only the children of what was started; the parent lives on. */
  killChildren(): Promise<void>
}

export interface ServiceOptions {
  /** Folder of everything that the service keeps. */
  readonly data: string
  /**
   * `npm start` as people do it; only the process that matters, which starts faster; or below a parent that does not
   * collect its children, as in many a container.
   */
  readonly by: 'npm' | 'node' | 'careless parent'
  /** Settings, as `VITRINE_*`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where it listens; a free port unless told otherwise. */
  readonly port?: number
  /** Who has the accounts, if it is not the service itself with those of a demonstration. */
  readonly accounts?: 'elsewhere'
  /** A file that gets all that the service prints, over all starts. */
  readonly logPath?: string
}

/** The environment without what would change the behaviour of the service or of a client. */
export const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:VITRINE_|OS_|npm_|NODE_TEST_|NODE_OPTIONS)/.test(name)),
  )

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')

/** Whether a process of the group still runs; one that has ended and that nobody has waited for does not. */
const groupLives = async (group: number): Promise<boolean> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      // After the name in parentheses, which may hold blanks: state, parent, group.
      const [state, , groupOfPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(groupOfPid) === group && state !== 'Z' && state !== 'X') return true
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  return false
}

const signalGroup = (group: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-group, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

const endGroup = async (group: number, signal: NodeJS.Signals): Promise<void> => {
  signalGroup(group, signal)
  const deadline = Date.now() + stopTimeoutMs
  while (await groupLives(group)) {
    if (Date.now() > deadline) {
      signalGroup(group, 'SIGKILL')
      throw new Error(`the service was still there ${stopTimeoutMs / 1000} s after ${signal}`)
    }
    await sleep(20)
  }
}

const optionsOf = ({ data, port = 0 }: ServiceOptions): string[] => ['--listen', `127.0.0.1:${port}`, '--data', data]

/** The process that matters, without npm around it. */
const serveCommand = (options: ServiceOptions): string[] => [
  process.execPath,
  join(root, 'packages/cli/bin/vitrine.js'),
  'serve',
  ...(options.accounts === 'elsewhere' ? [] : ['--demo']),
  ...optionsOf(options),
]

const commandOf = (options: ServiceOptions): string[] => {
  switch (options.by) {
    case 'npm':
      return ['npm', 'start', '--', ...optionsOf(options)]
    case 'node':
      return serveCommand(options)
    case 'careless parent':
      // `sleep` takes the place of the shell, and never asks how its child has ended.
      return ['sh', '-c', '"$@" & exec sleep 600', 'sh', ...serveCommand(options)]
  }
}

const spawnService = (options: ServiceOptions): ChildProcess => {
  const [command = '', ...args] = commandOf(options)
  // A group of its own, so that a signal reaches npm, its shell and the service alike.
  return spawn(command, args, {
    cwd: root,
    env: { ...cleanEnvironment(), ...options.settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
}

const interruptions = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Ends a group of processes when this process is interrupted, for Ctrl-C reaches only its own group.
 * @returns how to let the group go
 */
const endWithUs = (group: number): (() => void) => {
  const onExit = (): void => signalGroup(group, 'SIGKILL')
  const onInterruption = (signal: NodeJS.Signals): void => {
    onExit()
    letGo()
    process.kill(process.pid, signal)
  }
  const letGo = (): void => {
    process.off('exit', onExit)
    for (const signal of interruptions) process.off(signal, onInterruption)
  }
  process.on('exit', onExit)
  for (const signal of interruptions) process.on(signal, onInterruption)
  return letGo
}

/**
 * Starts the service and waits until it says where it listens.
 * @throws Error with all that it printed, when it ends before that or takes too long
 */
export const startService = async (options: ServiceOptions): Promise<RunningService> => {
  const child = spawnService(options)
  const group = child.pid
  if (group === undefined) throw new Error('the service could not be started')

  const stopWatching = endWithUs(group)

  let output = ''
  const listening = new Promise<string>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      if (options.logPath !== undefined) appendFileSync(options.logPath, chunk)
      output = (output + chunk.toString('utf8')).slice(-logTailLength)
      const found = /^Vitrine listens on (http:\/\/\S+)\r?\n/m.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.once('close', (code) => reject(new Error(`the service ended with ${code} before it listened:\n${output}`)))
    const tooLate = () => reject(new Error(`the service did not listen in ${startTimeoutMs / 1000} s:\n${output}`))
    setTimeout(tooLate, startTimeoutMs).unref()
  })

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const closed = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    await endGroup(group, signal)
    await closed
    stopWatching()
  }
  try {
    const url = await listening
    const killChildren = async (): Promise<void> => {
      const children = await readFile(`/proc/${group}/task/${group}/children`, 'utf8')
      for (const pid of children.trim().split(' ')) process.kill(Number(pid), 'SIGKILL')
    }
    return { url, log: () => output, stop: () => end('SIGTERM'), kill: () => end('SIGKILL'), killChildren }
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
}

/** Starts the service and kills it a moment later, wherever it may be by then. */
export const killWhileStarting = async (options: ServiceOptions, afterMs: number): Promise<void> => {
  const child = spawnService(options)
  if (child.pid === undefined) throw new Error('the service could not be started')
  child.stdout?.resume()
  child.stderr?.resume()
  const exited = once(child, 'exit')
  await sleep(afterMs)
  await endGroup(child.pid, 'SIGKILL')
  await exited
}

/** An empty folder that is gone after use. */
export const temporaryFolder = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-acceptance-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
