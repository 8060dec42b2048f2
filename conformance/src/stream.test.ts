import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { test } from 'node:test'
import { openStream } from './stream.ts'
import { eventually } from './suite.ts'

test('a stream is read event by event, however it is cut', async () => {
  const server = http.createServer(async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of [': hello\n\n', 'id: 1\neve', 'nt: a\ndata: x\ndata: y\n', '\nid: 2\r\ndata: z\r\n\r\n']) {
      response.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const stream = await openStream(new URL(`http://127.0.0.1:${address.port}`), '/', {})
  try {
    await eventually(
      async () => stream.events.length,
      (count) => count === 2,
      'two events',
    )
    assert.deepEqual(stream.events, [
      { id: '1', event: 'a', data: 'x\ny' },
      { id: '2', event: undefined, data: 'z' },
    ])
  } finally {
    stream.close()
    server.close()
    server.closeAllConnections()
  }
})
