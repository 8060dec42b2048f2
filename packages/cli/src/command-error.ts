import { ExitCode } from './exit-codes.ts'

/** A failure that the command itself found, with its exit code. `next` says what to do about it. */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly exitCode: ExitCode
  readonly next: string | undefined

  constructor(exitCode: ExitCode, message: string, next?: string) {
    super(message)
    this.exitCode = exitCode
    this.next = next
  }
}

export const usageError = (message: string, next?: string): CommandError =>
  new CommandError(ExitCode.usage, message, next)

/** Something failed, and that has been told already. The exit code may be that of another program. */
export class ToldError extends Error {
  override name = 'ToldError'
  readonly exitCode: number

  constructor(exitCode: number) {
    super('Some of it failed.')
    this.exitCode = exitCode
  }
}

/** The user, or the system, stopped the command. */
export class InterruptedError extends Error {
  override name = 'InterruptedError'
  readonly exitCode: ExitCode

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? 'Interrupted.' : 'Terminated.')
    this.exitCode = signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated
  }
}
