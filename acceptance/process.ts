import { spawn } from 'node:child_process'
import { once } from 'node:events'
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

/** Runs a command to its end. Whatever its exit code, the promise resolves; it rejects when there is no such command. */
export const run = async (command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.environment ?? process.env,
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
