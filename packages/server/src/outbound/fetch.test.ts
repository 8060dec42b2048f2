import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { after, describe, it } from 'node:test'
import { mayConnect, parseNetworks } from './addresses.ts'
import { OutboundError } from './error.ts'
import { createOutbound } from './fetch.ts'
import { filterOf, getOptions, outcomeOf } from './testing.ts'

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
  '168.63.129.16',
  '[::ffff:0:127.0.0.1]',
  '[::ffff:0:0]',
  '[::FFFF:10.0.0.1]',
  '[64:ff9b::10.0.0.1]',
  '[2002:0a00:0001::1]',
  '127.0.0.1.',
  '127.0.0.01',
  '0x7f000001.',
  '%31%32%37.0.0.1',
  'localhost',
  'localhost.',
  'LOCALHOST',
  'anything.localhost',
  'ⓛocalhost',
  '①②⑦.⓪.⓪.①',
  '１２７.0.0.1',
  '127。0。0。1',
  '127．0．0．1',
  '①⑥⑨.②⑤④.①⑥⑨.②⑤④',
]

describe('SSRF: calls to addresses that a stranger chose', () => {
  for (const host of forbidden) {
    it(`never reaches ${host}`, async () => {
      const outbound = createOutbound({ allowed: [] })
      const url = `http://${host}:8080/hook`
      assert.equal(outbound.refusalOf(url), 'only public addresses can be called')
      await assert.rejects(outbound.post(url, call), OutboundError)
      assert.equal(outbound.refusalOf(url, filterOf()), 'only public addresses can be called')
      assert.equal(await outcomeOf(outbound.get(url, getOptions())), 'refused')
    })
  }

  for (const url of [
    'http://[fe80::1%25eth0]/',
    'http://[fe80::1%eth0]/',
    'http://127.0.0.1.1/',
    'http://0x100000000/',
  ]) {
    it(`takes ${url} for no URL`, () => assert.equal(createOutbound({ allowed: [] }).refusalOf(url), 'it is no URL'))
  }

  for (const url of [
    'http://93.184.216.34#@127.0.0.1/',
    'http://93.184.216.34\\@127.0.0.1/',
    'http://93.184.216.34/@127.0.0.1/',
    'http:93.184.216.34',
    ' http://93.184.216.34/\t',
    'http://93.184.216.34?@127.0.0.1/',
  ]) {
    it(`calls the host that it checked of ${JSON.stringify(url)}`, async () => {
      const asked: string[] = []
      const resolve = async (name: string) => {
        asked.push(name)
        return [{ address: '127.0.0.1', family: 4 }]
      }
      const named = url.replace('93.184.216.34', 'public.example.org')
      const outbound = createOutbound({ allowed: [], resolve, timeoutMs: 20 })
      assert.equal(outbound.refusalOf(url), undefined)
      assert.equal(await outcomeOf(outbound.get(named, getOptions())), 'unreachable')
      assert.deepEqual(asked, ['public.example.org'])
    })
  }

  for (const url of [
    'http://127.0.0.1\\@public.example.org/',
    'http://127.0.0.1#@public.example.org/',
    'http:127.0.0.1',
    'ht\ntp://127.0.0.1/',
    'http:/\\127.0.0.1/',
    'HTTP://127.0.0.1:80',
  ]) {
    it(`is not misled by ${JSON.stringify(url)}`, () =>
      assert.equal(createOutbound({ allowed: [] }).refusalOf(url, filterOf()), 'only public addresses can be called'))
  }

  for (const address of [
    '127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    '2600::1%eth0',
    'fd00:ec2::254',
    'nonsense',
  ]) {
    it(`OSSA-2026-004: a name that leads to ${address} is not called`, async () => {
      const resolve = async () => [
        { address: '93.184.216.34', family: 4 },
        { address, family: address.includes(':') ? 6 : 4 },
      ]
      const outbound = createOutbound({ allowed: [], resolve, timeoutMs: 20 })
      assert.equal(await outcomeOf(outbound.get('http://127.0.0.1.nip.example.org/', getOptions())), 'unreachable')
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
  ] as const)
    it(`refuses ${url}`, () => assert.equal(createOutbound({ allowed: [] }).refusalOf(url), why))

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

  it('DNS rebinding: gets content from the address that was checked, and looks up every redirect anew', async () => {
    let calls = 0
    const inside = await serve()
    const outside = createServer((_request, response) => {
      calls += 1
      response.writeHead(302, { location: '/again' }).end()
    })
    servers.push(outside)
    await new Promise<void>((ready) => outside.listen(inside.port, '127.0.0.2', ready))
    let asked = 0
    const outbound = createOutbound({
      allowed: parseNetworks('127.0.0.2/32'),
      timeoutMs: 50,
      resolve: async () => {
        asked += 1
        return [{ address: asked === 1 ? '127.0.0.2' : '127.0.0.1', family: 4 }]
      },
    })
    const url = `http://rebinding.example.org:${inside.port}/`
    assert.equal(await outcomeOf(outbound.get(url, getOptions())), 'unreachable')
    assert.deepEqual([asked, calls, inside.calls()], [2, 1, 0])
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

  it('OSSN-0078: says the same after the same time of closed, silent, forbidden and unknown hosts', async () => {
    const silent = createServer(() => undefined)
    const noWebServer = createTcpServer((socket) => socket.on('error', () => undefined).end('220 mail.example.org\r\n'))
    servers.push(silent)
    await new Promise<void>((ready) => silent.listen(0, '127.0.0.1', ready))
    await new Promise<void>((ready) => noWebServer.listen(0, '127.0.0.1', ready))
    const [silentPort, otherPort] = [silent, noWebServer].map((server) => (server.address() as AddressInfo).port)
    const leadTo = (address: string) => async () => [{ address, family: 4 }]
    const allowed = parseNetworks('127.0.0.1')
    const timeoutMs = 300
    const cases = {
      closed: createOutbound({ allowed, timeoutMs }).get('http://127.0.0.1:1/', getOptions()),
      silent: createOutbound({ allowed, timeoutMs }).get(`http://127.0.0.1:${silentPort}/`, getOptions()),
      'no web server': createOutbound({ allowed, timeoutMs }).get(`http://127.0.0.1:${otherPort}/`, getOptions()),
      'no TLS': createOutbound({ allowed, timeoutMs }).get(`https://127.0.0.1:${otherPort}/`, getOptions()),
      forbidden: createOutbound({ allowed, timeoutMs, resolve: leadTo('10.0.0.1') }).get('http://a.org/', getOptions()),
      unknown: createOutbound({ allowed, timeoutMs, resolve: () => Promise.reject(new Error('ENOTFOUND')) }).get(
        'http://a.org/',
        getOptions(),
      ),
      'unknown after a while': createOutbound({ allowed, timeoutMs, resolve: () => new Promise(() => undefined) }).get(
        'http://a.org/',
        getOptions(),
      ),
    }
    const startedAt = performance.now()
    const outcomes = await Promise.all(
      Object.values(cases).map(async (download) => {
        const message = await download.then(String, (error: Error) => error.message)
        return { message, afterMs: performance.now() - startedAt }
      }),
    )
    silent.closeAllConnections()
    noWebServer.close()
    assert.equal(new Set(outcomes.map(({ message }) => message)).size, 1)
    const times = outcomes.map(({ afterMs }) => afterMs)
    assert.ok(Math.max(...times) - Math.min(...times) < 100, `${Object.keys(cases)}: ${times}`)
  })

  it('reaches networks that the operator named', async () => {
    const { port } = await serve({ status: 204 })
    const outbound = createOutbound({ allowed: parseNetworks('10.0.0.0/8, 127.0.0.0/8,::1') })
    assert.equal(await outbound.post(`http://127.0.0.1:${port}/`, call), 204)
    assert.equal(await outbound.post(`http://[::ffff:127.0.0.1]:${port}/`, call), 204)
    assert.throws(() => parseNetworks('10.0.0.0/8, here'), /here is no network/)
  })
})
