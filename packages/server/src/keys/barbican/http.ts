import { KeyError } from '../port.ts'

/** A question to Barbican or to the Keystone beside it. */
export interface Question {
  readonly server: 'Barbican' | 'Keystone'
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Longest answer that is taken. */
  readonly maxBytes: number
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Of a success; undefined when it is longer than was asked for. */
  readonly body: Uint8Array | undefined
}

export type Ask = (question: Question) => Promise<Answer>

export interface HttpOptions {
  readonly fetch: typeof globalThis.fetch
  /** Longest time for one answer. */
  readonly timeoutMs: number
}

const readAtMost = async (response: Response, maxBytes: number): Promise<Uint8Array | undefined> => {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of response.body ?? []) {
    sizeBytes += part.byteLength
    // Leaving the loop ends the connection.
    if (sizeBytes > maxBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** What went wrong, without the address that the message of the error holds. */
const causeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown error'
  if (error.name === 'TimeoutError') return 'no answer in time'
  const { cause } = error
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : error.name
}

/**
 * Asks without following redirects, for the headers hold tokens.
 * @throws KeyError `unavailable` when there is no answer in time, or one of 500 and above
 */
export const createAsk =
  ({ fetch, timeoutMs }: HttpOptions): Ask =>
  async ({ server, method, url, headers, json, maxBytes }) => {
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      if (response.ok)
        return { status: response.status, headers: response.headers, body: await readAtMost(response, maxBytes) }
      await response.body?.cancel()
      if (response.status < 500) return { status: response.status, headers: response.headers, body: undefined }
      throw new KeyError('unavailable', `${server} failed (${response.status}).`)
    } catch (error) {
      if (error instanceof KeyError) throw error
      throw new KeyError('unavailable', `${server} cannot be reached (${causeOf(error)}).`)
    }
  }

/** @throws KeyError `unavailable` for what is no such document */
export const readJson = <Document>(
  server: Question['server'],
  { body }: Answer,
  schema: { Check(value: unknown): value is Document },
): Document => {
  try {
    const document: unknown = JSON.parse(Buffer.from(body ?? []).toString('utf8'))
    if (schema.Check(document)) return document
  } catch {
    // The message of the error would repeat the answer.
  }
  throw new KeyError('unavailable', `${server} answered with something that is no such document.`)
}

/** The service itself was refused, or something was answered that nobody expects. */
export const unexpected = (server: Question['server'], what: string, { status }: Answer): KeyError =>
  new KeyError('unavailable', `${server} did not ${what} for this service (${status}).`)
