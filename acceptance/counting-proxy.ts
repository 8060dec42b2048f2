import { createServer, request as httpRequest } from 'node:http'

/** Stands between a client and the service, and counts what the client reads. */
export interface CountingProxy extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string
  /** Methods and statuses of what was asked, in order. */
  readonly answers: readonly { readonly method: string; readonly status: number }[]
  /** Bytes of bodies that came from the service. */
  bodyBytes(): number
}

/** @param before called before each request is passed on, with how many GETs there were until then */
export const startCountingProxy = async (
  target: string,
  before: (gets: number) => Promise<void> = async () => undefined,
): Promise<CountingProxy> => {
  const answers: { method: string; status: number }[] = []
  let bodyBytes = 0
  let gets = 0
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    const isGet = method === 'GET'
    before(gets).then(() => {
      if (isGet) gets += 1
      const request = httpRequest(`${target}${url}`, { method, headers }, (answer) => {
        answers.push({ method, status: answer.statusCode ?? 0 })
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('data', (chunk: Buffer) => {
          bodyBytes += chunk.byteLength
        })
        answer.pipe(outgoing)
      })
      request.on('error', () => outgoing.destroy())
      outgoing.on('close', () => request.destroy())
      incoming.pipe(request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    answers,
    bodyBytes: () => bodyBytes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
