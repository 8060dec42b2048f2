import http from 'node:http'
import https from 'node:https'

/** One server-sent event. */
export interface StreamEvent {
  id: string | undefined
  event: string | undefined
  data: string
}

/** An open stream of server-sent events. */
export interface EventStream {
  status: number
  headers: http.IncomingHttpHeaders
  /** Everything that came so far, in order. */
  events: StreamEvent[]
  close(): void
}

const parse = (block: string): StreamEvent | undefined => {
  const fields = new Map<string, string>()
  for (const line of block.split(/\r\n|\r|\n/)) {
    if (line === '' || line.startsWith(':')) continue
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value)
  }
  const data = fields.get('data')
  return data === undefined ? undefined : { id: fields.get('id'), event: fields.get('event'), data }
}

/** Opens a stream; resolves with the head of the answer. Whoever opens it closes it. */
export const openStream = (endpoint: URL, path: string, headers: Record<string, string>): Promise<EventStream> =>
  new Promise((resolve, reject) => {
    const url = new URL(endpoint.pathname.replace(/\/+$/, '') + path, endpoint)
    const request = (url.protocol === 'https:' ? https : http).get(url, {
      headers: { accept: 'text/event-stream', ...headers },
      agent: false,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const events: StreamEvent[] = []
      let rest = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split(/\r\n\r\n|\n\n|\r\r/)
        rest = blocks.pop() ?? ''
        for (const event of blocks.map(parse)) if (event) events.push(event)
      })
      // Cut by us or by the service: what came before counts.
      response.on('error', () => {})
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        close: () => request.destroy(),
      })
    })
  })
