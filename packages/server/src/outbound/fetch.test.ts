import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { mayConnect, parseNetworks } from './addresses.ts'
import { createOutbound, OutboundError } from './fetch.ts'

const call = { headers: {}, body: '{}' }
const servers: Server[] = []
after(() => {
  for (const server of servers) server.close()
})

/** A server on this machine, which nobody may be led to. */
const serve = async (answer: { status: number; location?: string } = { status: 200 }) => {
  let calls = 0
  const server = createServer((_request, response) => {
    calls += 1
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location }).end('body')
  })
  servers.push(server)
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, calls: () => calls }
}

/** Addresses of the machine, of its neighbours and of its cloud, in every spelling that has fooled a service. */
const forbidden = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '0',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '2852039166',
  '100.64.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:169.254.169.254]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[fe80::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fec0::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[2001::1]',
  '[100::1]',
  '[5f00::1]',
  'localhost',
  'anything.localhost',
  '①②⑦.⓪.⓪.①',
]

describe('SSRF: calls to addresses that a stranger chose', () => {
  for (const host of forbidden) {
    it(`never reaches ${host}`, async () => {
      const outbound = createOutbound({ allowed: [] })
      const url = `http://${host}:8080/hook`
      assert.equal(outbound.refusalOf(url), 'only public addresses can be called')
      await assert.rejects(outbound.post(url, call), OutboundError)
    })
  }

  for (const [url, why] of [
    ['file:///etc/passwd', 'only http and https can be called'],
    ['gopher://example.org/', 'only http and https can be called'],
    ['ftp://example.org/', 'only http and https can be called'],
    ['http://user@example.org/', 'it must not hold a user or password'],
    ['http://user:password@example.org/', 'it must not hold a user or password'],
    ['http://example.org@127.0.0.1:8080/', 'it must not hold a user or password'],
    ['http://example.org:22/', 'only the ports 80, 443 and from 1024 on can be called'],
    ['http://example.org:25/', 'only the ports 80, 443 and from 1024 on can be called'],
    ['not a url', 'it is no URL'],
  ] as const) {
    it(`refuses ${url}`, () => assert.equal(createOutbound({ allowed: [] }).refusalOf(url), why))
  }

  it('takes public addresses', () => {
    const outbound = createOutbound({ allowed: [] })
    const urls = [
      'https://example.org/hook',
      'http://93.184.216.34/',
      'https://[2606:2800:220:1::1]/',
      'https://example.org:8443/',
    ]
    for (const url of urls) assert.equal(outbound.refusalOf(url), undefined)
    assert.equal(mayConnect('64:ff9b::5db8:d822', []), true, 'a public address behind NAT64')
  })

  it('does not reach a name that leads inside', async () => {
    const { port, calls } = await serve()
    const outbound = createOutbound({ allowed: [], resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
    await assert.rejects(outbound.post(`http://inside.example.org:${port}/`, call), OutboundError)
    assert.equal(calls(), 0)
  })

  it('does not reach a name of which one address of several leads inside', async () => {
    const { port, calls } = await serve()
    const outbound = createOutbound({
      allowed: [],
      resolve: async () => [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
    })
    await assert.rejects(outbound.post(`http://both.example.org:${port}/`, call), OutboundError)
    assert.equal(calls(), 0)
  })

  it('DNS rebinding: connects to the address that was checked, whatever the name says a moment later', async () => {
    const { port, calls } = await serve()
    const checked = await serve()
    let asked = 0
    const outbound = createOutbound({
      allowed: parseNetworks('127.0.0.2/32'),
      timeoutMs: 2000,
      resolve: async () => {
        asked += 1
        return [{ address: asked === 1 ? '127.0.0.2' : '127.0.0.1', family: 4 }]
      },
    })
    // Nobody listens at 127.0.0.2; the server at 127.0.0.1 must not notice anything.
    await assert.rejects(outbound.post(`http://rebinding.example.org:${port}/`, call), OutboundError)
    assert.equal(asked, 1)
    assert.equal(calls() + checked.calls(), 0)
  })

  it('follows no redirect', async () => {
    const metadata = await serve()
    const { port } = await serve({ status: 302, location: `http://127.0.0.1:${metadata.port}/` })
    const outbound = createOutbound({ allowed: parseNetworks('127.0.0.0/8') })
    assert.equal(await outbound.post(`http://127.0.0.1:${port}/`, call), 302)
    assert.equal(metadata.calls(), 0)
  })

  it('says the same of closed, silent and forbidden addresses', async () => {
    const silent = createServer(() => undefined)
    servers.push(silent)
    await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready))
    const { port } = silent.address() as AddressInfo
    const allowed = createOutbound({ allowed: parseNetworks('127.0.0.1'), timeoutMs: 200 })
    const outcomes = [
      allowed.post('http://127.0.0.1:1/', call),
      allowed.post('http://127.0.0.1:1025/', call),
      allowed.post(`http://127.0.0.1:${port}/`, call),
      createOutbound({ allowed: [] }).post(`http://127.0.0.1:${port}/`, call),
      createOutbound({ allowed: [], resolve: () => Promise.reject(new Error('ENOTFOUND')) }).post(
        'http://nowhere.example.org/',
        call,
      ),
    ].map((outcome) => outcome.then(String, (error: Error) => error.message))
    const sentences = new Set(await Promise.all(outcomes))
    silent.closeAllConnections()
    assert.equal(sentences.size, 1)
  })

  it('reaches networks that the operator named', async () => {
    const { port } = await serve({ status: 204 })
    const outbound = createOutbound({ allowed: parseNetworks('10.0.0.0/8, 127.0.0.0/8,::1') })
    assert.equal(await outbound.post(`http://127.0.0.1:${port}/`, call), 204)
    assert.equal(await outbound.post(`http://[::ffff:127.0.0.1]:${port}/`, call), 204)
    assert.throws(() => parseNetworks('10.0.0.0/8, here'), /here is no network/)
  })
})
