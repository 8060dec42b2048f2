import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { text } from 'node:stream/consumers'

/** What a finished command left. */
export interface Finished {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** A command that takes longer is killed; its `exitCode` is null then. */
  readonly timeoutMs?: number
}

// Where administrators' commands are; a root that came by `su` has them not on its PATH.
const systemFolders = ['/usr/sbin', '/sbin']

/** Folders where commands are looked for. */
export const searchPath = (environment: NodeJS.ProcessEnv): string[] => [
  ...(environment.PATH ?? '').split(delimiter),
  ...systemFolders,
]

/** Runs a command to its end. Whatever its exit code, the promise resolves; it rejects when there is no such command. */
export const run = async (command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
  const environment = options.environment ?? process.env
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...environment, PATH: searchPath(environment).join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { exitCode: child.exitCode, stdout, stderr }
}

/** @throws Error with all that the command printed, unless it ended with 0 */
export const runSuccessfully = async (
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const { exitCode, stdout, stderr } = await run(command, args, options)
  if (exitCode === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${exitCode}\n${stdout}\n${stderr}`)
}
