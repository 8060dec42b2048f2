import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { parseNetworks } from './addresses.ts'
import { OutboundError } from './error.ts'
import { createOutbound, type OutboundOptions } from './fetch.ts'
import { filterOf, getOptions, openServers, outcomeOf } from './testing.ts'

const servers = openServers()
after(servers.close)

const outbound = (options: Partial<OutboundOptions> = {}) =>
  createOutbound({ allowed: parseNetworks('127.0.0.0/8'), timeoutMs: 1000, ...options })

const redirectTo =
  (location: string, status = 302): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { location }).end()
  }

describe('content from elsewhere', () => {
  it('is streamed, with what was said of it', async () => {
    const { url } = await servers.serve((_request, response) =>
      response
        .writeHead(200, { 'content-length': 5, etag: '"five"', 'last-modified': 'Sat, 28 Nov 2026 00:00:00 GMT' })
        .end('bytes'),
    )
    const download = await outbound().get(`${url}a/../image.qcow2?version=2#part`, getOptions())
    assert.equal(download.sizeBytes, 5)
    assert.equal(download.offsetBytes, 0)
    assert.equal(download.etag, '"five"')
    assert.equal(download.lastModified, 'Sat, 28 Nov 2026 00:00:00 GMT')
    assert.equal(download.url, `${url}image.qcow2?version=2#part`)
    assert.equal(await outcomeOf(Promise.resolve(download)), 'bytes')
  })

  it('may have any length', async () => {
    const megabytes = 32
    const { url } = await servers.serve(async (_request, response) => {
      for (let sent = 0; sent < megabytes; sent += 1) {
        if (!response.write(Buffer.alloc(1024 * 1024, sent))) await once(response, 'drain')
      }
      response.end()
    })
    const { body, sizeBytes } = await outbound().get(url, getOptions())
    let received = 0
    for await (const bytes of body) received += bytes.length
    assert.equal(received, megabytes * 1024 * 1024)
    assert.equal(sizeBytes, undefined)
  })

  it('is asked for without compression, and refused with it', async () => {
    let asked: string | undefined
    const { url } = await servers.serve((request, response) => {
      asked = request.headers['accept-encoding']
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1024 * 1024)))
    })
    assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'encoding')
    assert.equal(asked, 'identity')
  })

  it('is not taken from other answers than 200', async () => {
    for (const status of [204, 206, 300, 304, 401, 403, 404, 410, 500, 503]) {
      const { url } = await servers.serve((_request, response) => response.writeHead(status).end())
      assert.equal(await outcomeOf(outbound().get(url, getOptions())), `status${status}`)
    }
  })

  it('goes on where it broke off, if it is still the same', async () => {
    const content = 'all of the content'
    const { url } = await servers.serve((request, response) => {
      const { range, 'if-range': ifRange } = request.headers
      const offset = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
      if (offset === 0 || ifRange !== '"1"') return response.writeHead(200, { etag: '"1"' }).end(content)
      const contentRange = `bytes ${offset}-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': contentRange }).end(content.slice(offset))
    })
    const rest = await outbound().get(url, getOptions({ offsetBytes: 7, ifRange: '"1"' }))
    assert.equal(rest.offsetBytes, 7)
    assert.equal(rest.sizeBytes, content.length)
    assert.equal(await outcomeOf(Promise.resolve(rest)), content.slice(7))
    const changed = await outbound().get(url, getOptions({ offsetBytes: 7, ifRange: '"0"' }))
    assert.equal(changed.offsetBytes, 0)
    assert.equal(await outcomeOf(Promise.resolve(changed)), content)
  })

  it('is not taken from another place than was asked for', async () => {
    for (const range of ['bytes 0-3/10', 'bytes 8-9/10', 'bytes 7-8/10', 'bytes 7-9/*', 'nonsense']) {
      const { url } = await servers.serve((_request, response) =>
        response.writeHead(206, { 'content-range': range }).end('abc'),
      )
      assert.equal(await outcomeOf(outbound().get(url, getOptions({ offsetBytes: 7 }))), 'status206', range)
    }
  })

  it('is not the whole if fewer bytes come than were announced', async () => {
    const cuts: RequestListener[] = [
      (_request, response) => {
        response.writeHead(200, { 'content-length': 10 }).write('half')
        setTimeout(() => response.destroy(), 20)
      },
      (_request, response) => {
        response.writeHead(200).write('a chunk')
        setTimeout(() => response.destroy(), 20)
      },
    ]
    for (const cut of cuts) {
      const { url } = await servers.serve(cut)
      assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'cut')
    }
  })

  it('is taken from servers that only end the connection', async () => {
    const { url } = await servers.serve((request) => request.socket.end('HTTP/1.0 200 OK\r\n\r\nold bytes'))
    assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'old bytes')
  })

  it('is refused when it is too large, announced or not', async () => {
    const { url: announced } = await servers.serve((_request, response) => response.end('eleven byte'))
    const { url: surprising } = await servers.serve((_request, response) => {
      response.write('eleven')
      response.end(' byte')
    })
    for (const url of [announced, surprising]) {
      assert.equal(await outcomeOf(outbound().get(url, getOptions({ bytesMax: 10 }))), 'too_large')
      assert.equal(await outcomeOf(outbound().get(url, getOptions({ bytesMax: 11 }))), 'eleven byte')
    }
  })

  it('ends when the sender falls silent', async () => {
    const { url } = await servers.serve((_request, response) => {
      response.write('then nothing')
    })
    assert.equal(await outcomeOf(outbound().get(url, getOptions({ idleTimeoutMs: 100 }))), 'timeout')
  })

  it('ends when the sender drips, one byte at a time', async () => {
    const { url } = await servers.serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    assert.equal(await outcomeOf(outbound().get(url, getOptions({ idleTimeoutMs: 200 }))), 'timeout')
  })

  it('waits for a slow reader for as long as that takes', async () => {
    const { url } = await servers.serve((_request, response) => response.end(Buffer.alloc(4 * 1024 * 1024, 'a')))
    const { body } = await outbound().get(url, getOptions({ idleTimeoutMs: 50 }))
    let received = 0
    for await (const bytes of body) {
      if (received === 0) await delay(300)
      received += bytes.length
    }
    assert.equal(received, 4 * 1024 * 1024)
  })

  it('ends when all of it takes too long', async () => {
    const { url } = await servers.serve((_request, response) => {
      const flow = setInterval(() => response.write(Buffer.alloc(4096)), 10)
      response.on('close', () => clearInterval(flow))
    })
    assert.equal(await outcomeOf(outbound().get(url, getOptions({ totalTimeoutMs: 150 }))), 'timeout')
  })

  it('ends with the reason of its caller, before and after the head of the answer', async () => {
    const reason = new Error('the image was deleted')
    for (const answer of [() => undefined, (_request, response) => response.write('a')] satisfies RequestListener[]) {
      const { url } = await servers.serve(answer)
      const controller = new AbortController()
      const outcome = outcomeOf(outbound().get(url, getOptions({ signal: controller.signal })))
      setTimeout(() => controller.abort(reason), 50)
      await assert.rejects(outcome, reason)
    }
    await assert.rejects(
      outbound().get('http://127.0.0.1:1/', getOptions({ signal: AbortSignal.abort(reason) })),
      reason,
    )
  })

  it('is let go of when its reader gives up', async () => {
    let gone: Promise<unknown> | undefined
    const { url } = await servers.serve((_request, response) => {
      gone = once(response, 'close')
      response.write('a')
    })
    const { body } = await outbound().get(url, getOptions({ idleTimeoutMs: 60_000 }))
    body.destroy()
    await gone
  })

  it('is not announced by endless headers', async () => {
    const { url } = await servers.serve((request) => {
      request.socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`)
    })
    assert.equal(await outcomeOf(outbound({ timeoutMs: 100 }).get(url, getOptions())), 'unreachable')
    const { url: between } = await servers.serve((request) => {
      const early = setInterval(() => request.socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10)
      request.socket.on('close', () => clearInterval(early)).on('error', () => clearInterval(early))
    })
    assert.equal(await outcomeOf(outbound({ timeoutMs: 100 }).get(between, getOptions())), 'unreachable')
  })
})

describe('content that breaks off', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

  /** Sends a piece of what is asked for and hangs up, until it has done so as often as it should. */
  const serveInPieces = async ({ cuts, etags = ['"1"'] }: { cuts: number; etags?: string[] }) => {
    const asked: (string | undefined)[] = []
    const { url } = await servers.serve((request, response) => {
      const { range, 'if-range': ifRange } = request.headers
      const etag = etags[Math.min(asked.length, etags.length - 1)] ?? ''
      asked.push(range)
      const offset = ifRange === etag ? Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0) : 0
      const rest = content.subarray(offset)
      const head = { etag, 'content-length': rest.length }
      if (offset === 0) response.writeHead(200, head)
      else
        response.writeHead(206, { ...head, 'content-range': `bytes ${offset}-${content.length - 1}/${content.length}` })
      if (asked.length > cuts) return response.end(rest)
      response.write(rest.subarray(0, 100_000))
      return setTimeout(() => response.destroy(), 30)
    })
    return { url, asked }
  }

  const received = async (url: string, resumptions: number): Promise<Buffer | string> => {
    const { body } = await outbound().get(url, getOptions({ resumptions }))
    const pieces: Buffer[] = []
    try {
      for await (const piece of body) pieces.push(piece)
    } catch (error) {
      return error instanceof OutboundError ? error.reason : String(error)
    }
    return Buffer.concat(pieces)
  }

  it('is gone on with where it broke off', async () => {
    const { url, asked } = await serveInPieces({ cuts: 2 })
    assert.deepEqual(await received(url, 3), content)
    assert.deepEqual(asked, [undefined, 'bytes=100000-', 'bytes=200000-'])
  })

  it('is gone on with only where that is asked for, and only with the same content', async () => {
    const once = await serveInPieces({ cuts: 1 })
    assert.equal(await received(once.url, 0), 'cut')
    const changing = await serveInPieces({ cuts: 1, etags: ['"1"', '"2"'] })
    assert.equal(await received(changing.url, 3), 'cut')
    const weak = await serveInPieces({ cuts: 1, etags: ['W/"1"'] })
    assert.equal(await received(weak.url, 3), 'cut')
    assert.equal(weak.asked.length, 1)
  })

  it('is given up after so many attempts without a byte more', async () => {
    let calls = 0
    const { url } = await servers.serve((request, response) => {
      calls += 1
      if (request.headers.range !== undefined) return request.socket.destroy()
      response.writeHead(200, { etag: '"1"', 'content-length': 10 }).write('half')
      return setTimeout(() => response.destroy(), 30)
    })
    const { body } = await outbound({ timeoutMs: 50 }).get(url, getOptions({ resumptions: 2 }))
    await assert.rejects(text(body), { reason: 'unreachable' })
    assert.equal(calls, 3)
  })

  it('is not gone on with for a reader who has gone', async () => {
    const { url, asked } = await serveInPieces({ cuts: 9 })
    const { body } = await outbound().get(url, getOptions({ resumptions: 3 }))
    await once(body, 'data')
    body.destroy()
    await delay(700)
    assert.equal(asked.length, 1)
  })
})

describe('redirects', () => {
  it('are followed, five at most', async () => {
    const { url } = await servers.serve((request, response) => {
      const left = Number(request.url?.slice(1))
      if (left === 0) response.end('arrived')
      else response.writeHead(302, { location: String(left - 1) }).end()
    })
    assert.equal(await outcomeOf(outbound().get(`${url}5`, getOptions())), 'arrived')
    assert.equal(await outcomeOf(outbound().get(`${url}6`, getOptions())), 'redirects')
  })

  it('do not go round for ever', async () => {
    const { url, calls } = await servers.serve(redirectTo('/'))
    assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'redirects')
    assert.equal(calls(), 6)
  })

  it('of every kind are followed, but nowhere without a location', async () => {
    const target = await servers.serve((_request, response) => response.end('arrived'))
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await servers.serve(redirectTo(target.url, status))
      assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'arrived')
    }
    const { url } = await servers.serve((_request, response) => response.writeHead(302).end())
    assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'status302')
  })

  it('never take headers of the caller to another origin, also not back from there', async () => {
    const seen: (string | undefined)[] = []
    const headers = { 'x-auth-token': 'secret', cookie: 'a=b' }
    let elsewhere = ''
    const { url } = await servers.serve((request, response) => {
      seen.push(`${request.url} ${request.headers['x-auth-token']} ${request.headers.cookie}`)
      if (request.url === '/first') response.writeHead(302, { location: '/second' }).end()
      else if (request.url === '/second') response.writeHead(302, { location: elsewhere }).end()
      else response.end('arrived')
    })
    const other = await servers.serve((request, response) => {
      seen.push(`${request.url} ${request.headers['x-auth-token']} ${request.headers.cookie}`)
      response.writeHead(302, { location: `${url}last` }).end()
    })
    elsewhere = `${other.url}other`
    assert.equal(await outcomeOf(outbound().get(`${url}first`, getOptions({ headers }))), 'arrived')
    assert.deepEqual(seen, [
      '/first secret a=b',
      '/second secret a=b',
      '/other undefined undefined',
      '/last undefined undefined',
    ])
  })

  it('meet the filter again', async () => {
    const target = await servers.serve((_request, response) => response.end('arrived'))
    const { url, port } = await servers.serve(redirectTo(target.url))
    const filter = filterOf({ import_ports_allowed: String(port) })
    assert.equal(await outcomeOf(outbound().get(url, getOptions({ filter }))), 'leads_astray')
    assert.equal(target.calls(), 0)
  })

  for (const location of [
    'file:///etc/passwd',
    'gopher://127.0.0.1:70/',
    'ftp://example.org/',
    'data:text/plain,bytes',
    'http://user:password@example.org/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://10.0.0.1/',
    'http://localhost:1/',
    'http://[::1]/',
    'http://[/',
  ]) {
    it(`OSSA-2026-004: never lead to ${location}`, async () => {
      const { url } = await servers.serve(redirectTo(location), '127.0.0.2')
      const only = outbound({ allowed: parseNetworks('127.0.0.2/32') })
      assert.equal(await outcomeOf(only.get(url, getOptions())), 'leads_astray')
    })
  }
})

describe('documents from elsewhere', () => {
  const json = async (answer: RequestListener, headers: Record<string, string> = {}) => {
    const { url } = await servers.serve(answer)
    return outbound().json(url, { ...getOptions({ headers }), bytesMax: 100 })
  }

  it('are read with the headers of the caller', async () => {
    const document = await json(
      (request, response) => response.end(JSON.stringify({ token: request.headers['x-auth-token'] })),
      { 'x-auth-token': 'secret' },
    )
    assert.deepEqual(document, { token: 'secret' })
  })

  it('must be JSON, small, and answered with 200', async () => {
    await assert.rejects(
      json((_request, response) => response.end('<html>')),
      { reason: 'not_json' },
    )
    await assert.rejects(
      json((_request, response) => response.end(JSON.stringify('x'.repeat(100)))),
      { reason: 'too_large' },
    )
    await assert.rejects(
      json((_request, response) => response.writeHead(401).end('{}')),
      { reason: 'status', status: 401, message: 'The address answered with status 401.' },
    )
  })
})
