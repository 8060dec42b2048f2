import net from 'node:net'
import tls from 'node:tls'

/** What came back on a connection. */
export interface Conversation {
  /** The statuses of the answers, in order. */
  statuses: number[]
  text: string
  /** True when the server closed the connection before the time was up. */
  closed: boolean
}

export interface TalkOptions {
  /** Stop once so many answers have begun; default 1. */
  answers?: number
  /** Say nothing more after the last byte, as a client that is gone. */
  hangUp?: boolean
  /** How long to listen. */
  patienceMs?: number
}

const connect = (endpoint: URL): net.Socket => {
  const secure = endpoint.protocol === 'https:'
  const port = Number(endpoint.port) || (secure ? 443 : 80)
  const host = endpoint.hostname
  return secure ? tls.connect({ host, port, servername: host }) : net.connect({ host, port })
}

// After a status line the rest of the answer is given this long to arrive.
const settleMs = 50

/** Sends bytes exactly as they are, without any library in between, and listens. */
export const talk = (endpoint: URL, bytes: string | Uint8Array, options: TalkOptions = {}): Promise<Conversation> =>
  new Promise((resolve) => {
    const { answers = 1, hangUp = false, patienceMs = 5000 } = options
    const socket = connect(endpoint)
    let text = ''
    let settling: NodeJS.Timeout | undefined
    const statuses = () => [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status))
    const finish = (closed: boolean) => {
      clearTimeout(patience)
      clearTimeout(settling)
      socket.destroy()
      resolve({ statuses: statuses(), text, closed })
    }
    const patience = setTimeout(() => finish(false), patienceMs)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (statuses().length >= answers) settling ??= setTimeout(() => finish(false), settleMs)
    })
    // A server may drop a connection that makes no sense to it; what it said before counts.
    socket.on('error', () => {})
    socket.on('close', () => finish(true))
    socket.write(bytes)
    if (hangUp) socket.end()
  })
