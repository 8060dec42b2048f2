import { CommandError, InterruptedError } from './command-error.ts'
import { ExitCode, exitCodeForStatus } from './exit-codes.ts'
import { printable } from './text.ts'

export interface Explanation {
  exitCode: ExitCode
  /** What happened and why, what to do next, the request id: one to three lines. */
  lines: string[]
}

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'it exists already',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EDQUOT: 'the disk quota is used up',
  EADDRINUSE: 'another process listens there already; stop it, or choose another address with --listen',
  EADDRNOTAVAIL: 'this machine has no such address',
}

const stringOf = (error: object, key: string): string | undefined => {
  const value: unknown = Object.entries(error).find(([name]) => name === key)?.[1]
  return typeof value === 'string' ? value : undefined
}

const explainSystemError = (error: Error): Explanation | undefined => {
  const why = systemErrors[stringOf(error, 'code') ?? '']
  if (why === undefined) return undefined
  const where = stringOf(error, 'path') ?? stringOf(error, 'address')
  // A write to a file that is open does not say to which.
  if (where === undefined)
    return { exitCode: ExitCode.error, lines: [`${why.charAt(0).toUpperCase()}${why.slice(1)}.`] }
  const port = 'port' in error && typeof error.port === 'number' ? `:${error.port}` : ''
  return { exitCode: ExitCode.error, lines: [`${where}${port}: ${why}.`] }
}

const nextForStatus = new Map([
  [401, 'Check the user, the password and the project of the cloud (--cloud, clouds.yaml or the OS_* variables).'],
  [429, 'Wait a moment, then try again.'],
])

const explainSdkError = async (error: Error): Promise<Explanation | undefined> => {
  const sdk = await import('@vitrine/sdk')
  if (error instanceof sdk.HttpError) {
    const next = nextForStatus.get(error.status)
    const lines = [error.message]
    if (next !== undefined) lines.push(next)
    if (error.requestId !== undefined) lines.push(`Request id: ${error.requestId}`)
    return { exitCode: exitCodeForStatus(error.status), lines }
  }
  const lines = [error.message]
  if (error instanceof sdk.NetworkError) return { exitCode: ExitCode.unavailable, lines }
  if (error instanceof sdk.ConfigurationError || error instanceof sdk.InvalidArgumentError) {
    return { exitCode: ExitCode.usage, lines }
  }
  return error instanceof sdk.OpenStackError ? { exitCode: ExitCode.error, lines } : undefined
}

const explainAny = async (error: unknown): Promise<Explanation> => {
  if (!(error instanceof Error)) return { exitCode: ExitCode.error, lines: [String(error)] }
  if (error instanceof InterruptedError) return { exitCode: error.exitCode, lines: [error.message] }
  if (error instanceof CommandError) {
    return { exitCode: error.exitCode, lines: error.next === undefined ? [error.message] : [error.message, error.next] }
  }
  // The server's own complaint about its settings; its class is not loaded for the sake of this test.
  if (error.name === 'ConfigError') return { exitCode: ExitCode.usage, lines: [error.message] }
  const known = (await explainSdkError(error)) ?? explainSystemError(error)
  const unknown = 'That was not foreseen. Run it again with --debug and report what it says.'
  return known ?? { exitCode: ExitCode.error, lines: [error.message, unknown] }
}

/** What to tell of an error, and the exit code that belongs to it. Nothing in it is obeyed by a terminal. */
export const explain = async (error: unknown): Promise<Explanation> => {
  const { exitCode, lines } = await explainAny(error)
  return { exitCode, lines: lines.flatMap((line) => line.split('\n')).map(printable) }
}
