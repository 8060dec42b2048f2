import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** A process of the run. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  readonly input: Writable
  /** Hands every line of the standard output to `onLine`, from now on. */
  readonly onLine: (onLine: (line: string) => void) => void
  /** The first line, now or later, that matches, as its groups. */
  readonly firstMatch: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

export interface ChildOptions {
  /** To run on this core alone; null or undefined: wherever the system likes. */
  readonly core?: number | null
  readonly env?: NodeJS.ProcessEnv
  /** Takes the standard error output; without it, that goes to ours. */
  readonly logPath?: string
}

const startTimeoutMs = 60_000
const stopTimeoutMs = 30_000

const tail = (path: string | undefined): string =>
  path !== undefined && existsSync(path) ? `\n${readFileSync(path, 'utf8').slice(-2000)}` : ''

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await gone
  clearTimeout(timer)
}

const spawnPiped = (command: string, args: readonly string[], { core, env, logPath }: ChildOptions): ChildProcess => {
  const [program, ...given] = core === null || core === undefined ? [command] : ['taskset', '-c', String(core), command]
  const log = logPath === undefined ? 'inherit' : openSync(logPath, 'a')
  try {
    return spawn(program ?? command, [...given, ...args], { env: env ?? process.env, stdio: ['pipe', 'pipe', log] })
  } finally {
    if (typeof log === 'number') closeSync(log)
  }
}

const matchLine = (output: Readable, child: ChildProcess, pattern: RegExp, logPath: string | undefined) =>
  new Promise<RegExpExecArray>((resolve, reject) => {
    const lines = createInterface({ input: output })
    const fail = (why: string) => reject(new Error(`${child.spawnargs.join(' ')} ${why}.${tail(logPath)}`))
    const timer = setTimeout(() => fail('did not say that it is ready'), startTimeoutMs)
    lines.on('line', (line) => {
      const match = pattern.exec(line)
      if (match === null) return
      clearTimeout(timer)
      resolve(match)
    })
    // Not `exit`: what a process says last may come after that.
    child.once('close', () => {
      clearTimeout(timer)
      fail('ended')
    })
    child.once('error', reject)
  })

/** Starts a process; disposing of it ends it and waits until it is gone. */
export const startChild = (command: string, args: readonly string[], options: ChildOptions = {}): Child => {
  const child = spawnPiped(command, args, options)
  const { pid, stdin, stdout } = child
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  if (pid === undefined || stdin === null || stdout === null) throw new Error(`${command} could not be started.`)
  // However this process ends, it leaves none behind.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  void ended.then(() => process.off('exit', kill))
  // Whoever waits for an answer learns of the end of the process; a broken pipe tells nothing more.
  stdin.on('error', () => {})
  return {
    pid,
    input: stdin,
    onLine: (onLine) => createInterface({ input: stdout }).on('line', onLine),
    firstMatch: (pattern) => matchLine(stdout, child, pattern, options.logPath),
    ended,
    [Symbol.asyncDispose]: () => end(child),
  }
}
