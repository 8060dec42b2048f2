import { lookup as resolveName } from 'node:dns/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { mayConnect, type Networks } from './addresses.ts'

/** The addresses of a name. */
export type Resolve = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

export interface OutboundOptions {
  /** Networks that may be called although they are not public. */
  readonly allowed: Networks
  readonly timeoutMs?: number
  readonly resolve?: Resolve
}

export interface OutboundCall {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Ends the call. */
  readonly signal?: AbortSignal
}

/** Calls that strangers choose the address of. The one way by which the service makes any. */
export interface Outbound {
  /**
   * Sends one POST and resolves with the status of the answer; its body is not read, and no redirect is followed.
   * @throws OutboundError, of one sentence for every reason: it tells nothing of the network of the service
   */
  post(url: string, call: OutboundCall): Promise<number>
  /** Why an address can never be called, as far as it shows in the address itself. */
  refusalOf(url: string): string | undefined
}

/** A call that did not come about. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'

  constructor() {
    super('The address could not be called: nothing answered there in time, or it may not be called.')
  }
}

const timeoutMsByDefault = 10_000
const headerBytesMax = 16 * 1024

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

const isLocalName = (host: string): boolean => /^(?:.*\.)?localhost\.?$/i.test(host)

const refusal = (text: string, allowed: Networks): string | undefined => {
  if (!URL.canParse(text)) return 'it is no URL'
  // Parsing makes dotted decimals of addresses in decimal, octal or hexadecimal numbers.
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'only http and https can be called'
  if (url.username !== '' || url.password !== '') return 'it must not hold a user or password'
  const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port)
  if (port !== 80 && port !== 443 && port < 1024) return 'only the ports 80, 443 and from 1024 on can be called'
  const host = hostOf(url)
  if (isIP(host) !== 0 && !mayConnect(host, allowed)) return 'only public addresses can be called'
  return isLocalName(host) && !mayConnect('127.0.0.1', allowed) ? 'only public addresses can be called' : undefined
}

const resolveAll: Resolve = (name) => resolveName(name, { all: true })

/** Makes the guarded way out. Certificates are checked; nothing is kept open between calls. */
export const createOutbound = ({
  allowed,
  timeoutMs = timeoutMsByDefault,
  resolve = resolveAll,
}: OutboundOptions): Outbound => {
  /** The addresses to connect to: resolved once, and every one of them checked. */
  const addressesOf = async (url: URL): ReturnType<Resolve> => {
    const host = hostOf(url)
    const family = isIP(host)
    const found = family === 0 ? await resolve(host) : [{ address: host, family }]
    if (found.length === 0 || !found.every(({ address }) => mayConnect(address, allowed))) throw new OutboundError()
    return found
  }

  const send = (
    url: URL,
    addresses: Awaited<ReturnType<Resolve>>,
    { headers, body }: OutboundCall,
    signal: AbortSignal,
  ): Promise<number> =>
    new Promise((done, fail) => {
      const [first] = addresses
      if (first === undefined) throw new OutboundError()
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
        url,
        {
          method: 'POST',
          agent: false,
          maxHeaderSize: headerBytesMax,
          signal,
          headers: { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' },
          // The name is not looked up again: the second answer could be another.
          lookup: (_name, options, found) => {
            if (options.all === true) found(null, [...addresses])
            else found(null, first.address, first.family)
          },
        },
        (response) => {
          done(response.statusCode ?? 0)
          response.destroy()
        },
      )
      request.on('error', fail)
      request.end(body)
    })

  return {
    refusalOf: (url) => refusal(url, allowed),
    post: async (text, call) => {
      if (refusal(text, allowed) !== undefined) throw new OutboundError()
      const url = new URL(text)
      const timeout = AbortSignal.timeout(timeoutMs)
      const signal = call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal])
      const cut = new Promise<never>((_, fail) => {
        if (signal.aborted) fail(new OutboundError())
        signal.addEventListener('abort', () => fail(new OutboundError()), { once: true })
      })
      try {
        const addresses = await Promise.race([addressesOf(url), cut])
        return await Promise.race([send(url, addresses, call, signal), cut])
      } catch {
        throw new OutboundError()
      }
    },
  }
}
