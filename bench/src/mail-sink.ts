import { join } from 'node:path'
import { startChild } from './child.ts'

/** A mailbox got a mail. */
export interface Arrival {
  readonly mailbox: string
  /** When the server said that it has it, on the clock of `clockMs`. */
  readonly atMs: number
}

/** A mail server in a process of its own, which takes everything and keeps nothing. */
export interface MailSink extends AsyncDisposable {
  readonly url: string
  /** All so far, in order. */
  readonly arrivals: readonly Arrival[]
}

/** @param core where it runs; null: anywhere */
export const startMailSink = async (core: number | null): Promise<MailSink> => {
  const child = startChild(process.execPath, [join(import.meta.dirname, 'mail-server.ts')], { core })
  const arrivals: Arrival[] = []
  const listening = child.firstMatch(/listens on (\d+)/)
  child.onLine((line) => {
    const [, mailbox, at] = /^mail (\S+) (\S+)$/.exec(line) ?? []
    if (mailbox !== undefined) arrivals.push({ mailbox, atMs: Number(at) })
  })
  const [, port] = await listening
  return { url: `smtp://127.0.0.1:${port}`, arrivals, [Symbol.asyncDispose]: child[Symbol.asyncDispose] }
}
