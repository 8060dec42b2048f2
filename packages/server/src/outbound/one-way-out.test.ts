import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openServers } from './testing.ts'

const sources = join(import.meta.dirname, '..')

/** Modules by which a program can call others, and names of the runtime that do the same. */
const waysOut = [
  /from 'node:(?:http|https|http2|net|tls|dgram|dns|dns\/promises)'/,
  /import\('(?:node:)?(?:http|https|http2|net|tls|dgram|dns|dns\/promises)'\)/,
  /from '(?:http|https|http2|net|tls|dgram|dns|undici|axios|got|node-fetch|ws|eventsource)'/,
  /\b(?:fetch|WebSocket|EventSource|XMLHttpRequest)\(/,
  /globalThis\.(?:fetch|WebSocket|EventSource)/,
]

/** Who uses words that look like a way out, and what for. A new line here needs a reason as good as these. */
const known: Readonly<Record<string, RegExp>> = {
  // Joins the clients of the Keystone and the Barbican that the operator configured.
  'assemble.ts': /^\s*(?:fetch: globalThis\.fetch,|return createBarbican\(.* fetch: globalThis\.fetch \}\))$/,
  'identity/keystone-client.ts': /\bfetch/,
  'keys/barbican/http.ts': /\bfetch/,
  'keys/barbican/barbican.ts': /typeof globalThis\.fetch/,
  // What an address or an answer looks like.
  'http/errors.ts': /^import \{ type IncomingMessage, STATUS_CODES \} from 'node:http'$/,
  'data/send.ts': /^import \{ Socket \} from 'node:net'$/,
  'links/serve.ts': /^import \{ Socket \} from 'node:net'$/,
  'identity/lockout.ts': /^import \{ isIPv6 \} from 'node:net'$/,
}

const isProduct = (path: string): boolean =>
  path.endsWith('.ts') &&
  !path.endsWith('.test.ts') &&
  !/(?:^|\/)testing(?:\/|\.ts$)/.test(path) &&
  !path.startsWith('outbound/')

describe('OSSA-2026-004: one way out', () => {
  const servers = openServers()
  after(servers.close)

  it('is the only way by which the service calls an address', async () => {
    const paths = (await readdir(sources, { recursive: true })).filter(isProduct)
    const others: string[] = []
    for (const path of paths) {
      const lines = (await readFile(join(sources, path), 'utf8')).split('\n')
      for (const line of lines) {
        // Types are gone when the program runs.
        const isWayOut = !line.startsWith('import type ') && waysOut.some((way) => way.test(line))
        if (isWayOut && known[path]?.test(line) !== true) others.push(`${path}: ${line.trim()}`)
      }
    }
    assert.ok(paths.length > 100)
    assert.deepEqual(others, [])
  })

  it('goes through no proxy of the environment, which would choose the address that is called', async () => {
    const proxy = await servers.serve((_request, response) => response.end('by the proxy'))
    const target = await servers.serve((_request, response) => response.end('straight'))
    const script = `
      const { createOutbound } = await import(${JSON.stringify(join(import.meta.dirname, 'fetch.ts'))})
      const { parseNetworks } = await import(${JSON.stringify(join(import.meta.dirname, 'addresses.ts'))})
      const { getOptions, outcomeOf } = await import(${JSON.stringify(join(import.meta.dirname, 'testing.ts'))})
      const outbound = createOutbound({ allowed: parseNetworks('127.0.0.1'), timeoutMs: 5000 })
      console.log(await outcomeOf(outbound.get(${JSON.stringify(target.url)}, getOptions())))`
    const env = { ...process.env, NODE_USE_ENV_PROXY: '1', http_proxy: proxy.url, https_proxy: proxy.url }
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env })
    let printed = ''
    child.stdout.on('data', (bytes) => {
      printed += bytes
    })
    await new Promise((done) => child.on('close', done))
    assert.equal(printed.trim(), 'straight')
    assert.equal(proxy.calls(), 0)
  })
})
