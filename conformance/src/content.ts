import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { type ListenAt, listening } from './receivers.ts'

/** One request, as it came. */
export interface ContentCall {
  method: string
  headers: IncomingHttpHeaders
}

/** A web server that the service fetches from. */
export interface ContentServer {
  /** `http://HOST:PORT` */
  url: string
  /** The name under which the service knows this address as another region; undefined: it does not. */
  region: string | undefined
  /** Answers at a path: with bytes, or as the function does. Returns the whole address. */
  serve(path: string, answer: Uint8Array | RequestListener): string
  calls(path: string): ContentCall[]
  stop(): Promise<void>
}

const bytesAnswer =
  (bytes: Uint8Array): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length, 'content-type': 'application/octet-stream' }).end(bytes)
  }

export const serveContent = async (at: ListenAt, region: string | undefined): Promise<ContentServer> => {
  const answers = new Map<string, RequestListener>()
  const calls: (ContentCall & { path: string })[] = []
  const server = http.createServer((request, response) => {
    const path = request.url ?? ''
    calls.push({ path, method: request.method ?? '', headers: request.headers })
    const answer = answers.get(path)
    if (answer === undefined) response.writeHead(404).end()
    else answer(request, response)
  })
  const url = `http://${await listening(server, at)}`
  return {
    url,
    region,
    serve(path, answer) {
      answers.set(path, answer instanceof Uint8Array ? bytesAnswer(answer) : answer)
      return url + path
    },
    calls: (path) => calls.filter((call) => call.path === path),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
