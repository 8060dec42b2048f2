import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { freePort } from './network.ts'

/** A call of a webhook as it was received. */
export interface ReceivedCall {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A web server of somebody who is told of events. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string
  /** All calls, in the order in which they were answered. */
  readonly received: readonly ReceivedCall[]
  listen(): Promise<void>
  close(): Promise<void>
}

/** Keeps a port for a receiver, which listens when it is told to and then answers every call with 204. */
export const prepareWebhookReceiver = async (): Promise<WebhookReceiver> => {
  const port = await freePort()
  const received: ReceivedCall[] = []
  let running: Server | undefined

  const open = (): Server =>
    createServer((request, response) => {
      text(request).then(
        (body) => {
          const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)])
          received.push({ headers: Object.fromEntries(headers), body })
          response.writeHead(204).end()
        },
        () => response.destroy(),
      )
    })
  const close = async (): Promise<void> => {
    const server = running
    running = undefined
    if (server === undefined) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://127.0.0.1:${port}/vitrine`,
    received,
    listen: () =>
      new Promise((resolve, reject) => {
        running = open().once('error', reject).listen(port, '127.0.0.1', resolve)
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
