/** The least that Node's own HTTP server can do: one answer, known in advance, whatever is asked. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Capture } from './api.ts'

const { headers, body }: Capture = JSON.parse(await text(process.stdin))
const flatHeaders = headers.flat()

const server = createServer((_request, response) => {
  response.writeHead(200, flatHeaders)
  response.end(body)
})

server.listen(0, '127.0.0.1', () => {
  const address: string | AddressInfo | null = server.address()
  if (address !== null && typeof address !== 'string') process.stdout.write(`listens on ${address.port}\n`)
})
