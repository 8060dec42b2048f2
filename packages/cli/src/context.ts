import type { Readable, Writable } from 'node:stream'
import type { Fetch } from '@vitrine/sdk'

/** Where something is shown. */
export interface Output {
  stream: Writable
  isTerminal: boolean
  /** Columns of the terminal as they are now. */
  columns(): number
  colour: boolean
}

/** Everything that a command takes from its surroundings. */
export interface Context {
  environment: Readonly<Record<string, string | undefined>>
  stdin: Readable
  stdinIsTerminal: boolean
  /** For data, which scripts read. */
  out: Output
  /** For everything said to a person: progress, remarks, questions, errors. */
  talk: Output
  /** Aborted when the user stops the command. */
  signal: AbortSignal
  now: () => number
  /** Default: the platform's. */
  fetch?: Fetch | undefined
}

/** Options that stand before or after any command. */
export interface GlobalOptions {
  cloud?: string | undefined
  region?: string | undefined
  debug?: boolean | undefined
}

/** One run of a command. */
export interface Invocation extends Context {
  settings: GlobalOptions
}

/** Writes, and waits while the reader is slower. */
export const write = (output: Output, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    output.stream.write(text, (error) => (error ? reject(error) : resolve()))
  })

/** Says a line to the person at the terminal. */
export const say = ({ talk }: Context, line: string): Promise<void> => write(talk, `${line}\n`)

const style = (code: number, end: number) => (output: Output, text: string) =>
  output.colour ? `\u001b[${code}m${text}\u001b[${end}m` : text

export const bold = style(1, 22)
export const red = style(31, 39)

/** https://no-color.org */
const mayColour = (stream: NodeJS.WriteStream, environment: Context['environment']): boolean =>
  stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'

const terminalOutput = (stream: NodeJS.WriteStream, environment: Context['environment']): Output => ({
  stream,
  isTerminal: stream.isTTY === true,
  columns: () => stream.columns || 80,
  colour: mayColour(stream, environment),
})

/** The surroundings of a real process. */
export const processContext = (signal: AbortSignal): Context => ({
  environment: process.env,
  stdin: process.stdin,
  stdinIsTerminal: process.stdin.isTTY === true,
  out: terminalOutput(process.stdout, process.env),
  talk: terminalOutput(process.stderr, process.env),
  signal,
  now: Date.now,
})
