import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { parseNetworks } from './addresses.ts'
import { createOutbound } from './fetch.ts'
import { getOptions, openServers, outcomeOf } from './testing.ts'

const run = promisify(execFile)
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

/** A certificate that signs itself, for one name. */
const certificateFor = async (folder: string, name: string) => {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await run('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert])
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
}

describe('OSSA-2013-018: certificates', { skip: hasOpenssl ? false : 'openssl is not installed' }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-test-'))
  const certificate = await certificateFor(folder, 'images.example.org')
  const servers: Server[] = []
  const plain = openServers()
  after(async () => {
    plain.close()
    for (const server of servers) server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const serve = async (identity: { key: string; cert: string }, answer: RequestListener): Promise<number> => {
    const server = createServer(identity, answer)
    servers.push(server)
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    return (server.address() as AddressInfo).port
  }

  const outbound = (ca?: string) =>
    createOutbound({
      allowed: parseNetworks('127.0.0.1'),
      timeoutMs: 2000,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      ca,
    })

  it('of a known signer and the right name are trusted', async () => {
    const port = await serve(certificate, (_request, response) => response.end('safe'))
    const url = `https://images.example.org:${port}/`
    assert.equal(await outcomeOf(outbound(certificate.cert).get(url, getOptions())), 'safe')
    assert.equal(await outbound(certificate.cert).post(url, { headers: {}, body: '{}' }), 200)
  })

  it('of an unknown signer, of another name, and of an address alone are not', async () => {
    let calls = 0
    const port = await serve(certificate, () => {
      calls += 1
    })
    const url = `https://images.example.org:${port}/`
    assert.equal(await outcomeOf(outbound().get(url, getOptions())), 'tls')
    for (const host of ['other.example.org', 'example.org', '127.0.0.1']) {
      const other = `https://${host}:${port}/`
      assert.equal(await outcomeOf(outbound(certificate.cert).get(other, getOptions())), 'tls')
    }
    await assert.rejects(outbound().post(url, { headers: {}, body: '{}' }), { reason: 'unreachable' })
    assert.equal(calls, 0)
  })

  it('are checked whatever the environment says', async () => {
    const port = await serve(certificate, (_request, response) => response.end('unsafe'))
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      assert.equal(await outcomeOf(outbound().get(`https://images.example.org:${port}/`, getOptions())), 'tls')
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  it('are not given up on the way: https leads to https only', async () => {
    const { port, calls } = await plain.serve((_request, response) => response.end('unsafe'))
    const safe = await serve(certificate, (_request, response) => response.end('safe'))
    const from = await serve(certificate, (request, response) => {
      const location =
        request.url === '/down' ? `http://images.example.org:${port}/` : `https://images.example.org:${safe}/`
      response.writeHead(302, { location }).end()
    })
    const url = `https://images.example.org:${from}`
    assert.equal(await outcomeOf(outbound(certificate.cert).get(`${url}/down`, getOptions())), 'leads_astray')
    assert.equal(calls(), 0)
    assert.equal(await outcomeOf(outbound(certificate.cert).get(`${url}/on`, getOptions())), 'safe')
    const up = await plain.serve((_request, response) => response.writeHead(302, { location: `${url}/on` }).end())
    assert.equal(await outcomeOf(outbound(certificate.cert).get(up.url, getOptions())), 'safe')
  })
})
