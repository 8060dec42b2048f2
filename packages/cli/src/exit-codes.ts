/** What the command's exit code tells a script. */
export const ExitCode = {
  ok: 0,
  /** Anything that has no code of its own. */
  error: 1,
  /** The command line or the settings are wrong; nothing was sent. */
  usage: 2,
  /** It is not there, or not for you. */
  notFound: 3,
  /** The credentials were refused, or they do not suffice. */
  denied: 4,
  /** It clashes with what is there; also an ambiguous name, and a local file in the way. */
  conflict: 5,
  /** A quota or a limit of size. */
  quota: 6,
  /** No answer, or an answer of "not now": trying again later may help. */
  unavailable: 7,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
  /** Stopped by SIGTERM. */
  terminated: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** The one table from the status of a refusal to the exit code; every other status is `error`. */
const byStatus = new Map<number, ExitCode>([
  [401, ExitCode.denied],
  [403, ExitCode.denied],
  [404, ExitCode.notFound],
  [408, ExitCode.unavailable],
  [409, ExitCode.conflict],
  [410, ExitCode.notFound],
  [413, ExitCode.quota],
  [429, ExitCode.unavailable],
  [502, ExitCode.unavailable],
  [503, ExitCode.unavailable],
  [504, ExitCode.unavailable],
])

export const exitCodeForStatus = (status: number): ExitCode => byStatus.get(status) ?? ExitCode.error
