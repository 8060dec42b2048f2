import { lookup as resolveName } from 'node:dns/promises'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { createTurns } from '../storage/turns.ts'
import { mayConnect, type Networks } from './addresses.ts'
import { OutboundError } from './error.ts'

/** The addresses of a name. */
export type Resolve = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

export interface ExchangeOptions {
  /** Networks that may be called although they are not public. */
  readonly allowed: Networks
  readonly resolve?: Resolve | undefined
  /** Certificates to trust instead of those that Node trusts. */
  readonly ca?: string | undefined
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the request, and the answer. */
  readonly signal: AbortSignal
}

/** One request and the head of its answer, at exactly the address that it is given. */
export type Exchange = (url: URL, request: OutboundRequest) => Promise<IncomingMessage>

const headerBytesMax = 16 * 1024
/** Whoever makes a name lead to many addresses does not make the service try them all. */
const addressesMax = 8
const attemptMs = 2500
/**
 * Looking up a name holds one of the few threads (four, unless UV_THREADPOOL_SIZE says otherwise) that also read and
 * write files, and a slow name server of a stranger would hold it for long.
 */
const lookupsAtOnce = 2

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

/** For one call; names that lead to several addresses are tried in their order. */
const agentFor = ({ protocol }: URL): HttpAgent => {
  const options = { keepAlive: false, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: attemptMs }
  return protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
}

/** The outcome, or the reason of the signal if that comes first. */
const orAborted = <Outcome>(outcome: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> =>
  new Promise((done, fail) => {
    const abort = () => fail(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    outcome.then(done, fail).finally(() => signal.removeEventListener('abort', abort))
  })

const failureOf = (request: ClientRequest): OutboundError => {
  const { socket } = request
  // Only who speaks TLS has a certificate: of others it is not told that anything listens there.
  return new OutboundError(socket instanceof TLSSocket && socket.authorizationError !== null ? 'tls' : 'unreachable')
}

/**
 * Makes what every call goes through: a name is looked up once, all its addresses are checked, and the connection is
 * made to one of those. Certificates are checked against the name, whatever the environment says; no proxy is used, and
 * no connection is kept for the next call, which would skip the checks.
 */
export const createExchange = ({ allowed, resolve, ca }: ExchangeOptions): Exchange => {
  const lookups = createTurns(lookupsAtOnce)

  const lookUp: Resolve = resolve ?? ((name) => resolveName(name, { all: true }))

  const addressesOf = async (url: URL, signal: AbortSignal): ReturnType<Resolve> => {
    const host = hostOf(url)
    const family = isIP(host)
    const found =
      family === 0 ? await lookups.run(async () => (signal.aborted ? [] : lookUp(host))) : [{ address: host, family }]
    if (found.length === 0 || !found.every(({ address }) => mayConnect(address, allowed))) {
      throw new OutboundError('unreachable')
    }
    return found.slice(0, addressesMax)
  }

  const send = (
    url: URL,
    addresses: Awaited<ReturnType<Resolve>>,
    { method, headers, body, signal }: OutboundRequest,
  ): Promise<IncomingMessage> =>
    new Promise((done, fail) => {
      const [first] = addresses
      if (first === undefined) throw new OutboundError('unreachable')
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
        url,
        {
          method,
          agent: agentFor(url),
          maxHeaderSize: headerBytesMax,
          signal,
          headers: { ...headers, ...length, connection: 'close' },
          rejectUnauthorized: true,
          ...(ca === undefined ? {} : { ca }),
          // The name is not looked up again: the second answer could be another.
          lookup: (_name, options, found) => {
            if (options.all === true) found(null, [...addresses])
            else found(null, first.address, first.family)
          },
        },
        done,
      )
      request.on('error', () => fail(failureOf(request)))
      request.end(body)
    })

  return async (url, request) => {
    const addresses = await orAborted(addressesOf(url, request.signal), request.signal)
    return orAborted(send(url, addresses, request), request.signal)
  }
}
