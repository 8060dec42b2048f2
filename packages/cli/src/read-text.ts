import { createReadStream } from 'node:fs'
import { CommandError, usageError } from './command-error.ts'
import type { Invocation } from './context.ts'
import { ExitCode } from './exit-codes.ts'

const maxBytes = 1_000_000

/** The bytes of a file, or of the standard input for `-`; never more than what could be meant. */
export const readSmallFile = async ({ stdin, signal }: Invocation, path: string): Promise<Buffer> => {
  const stream = path === '-' ? stdin : createReadStream(path)
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of stream) {
    signal.throwIfAborted()
    const bytes = Buffer.from(chunk)
    sizeBytes += bytes.length
    if (sizeBytes > maxBytes) throw new CommandError(ExitCode.quota, `${path} is larger than ${maxBytes} bytes.`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** A text file in UTF-8, or the standard input for `-`. */
export const readText = async (invocation: Invocation, path: string): Promise<string> => {
  const bytes = await readSmallFile(invocation, path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch {
    throw usageError(`${path} is not text in UTF-8.`)
  }
}
