import assert from 'node:assert/strict'
import { it } from 'node:test'
import { loadConfig } from '../config.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const admin = fakeToken('operator', 'admin')
const reader = fakeToken('reader', 'reader')
const root = '/v2/metadefs/namespaces'

eachDatabase('metadata definitions', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now?: () => number) => {
    const assembly = await startTestService({ database_url: await newUrl(), ...settings }, now)
    atEnd(assembly.close)
    const { call } = assembly
    const make = async (namespace: string, more: object = {}) => {
      const answer = await call('POST', root, admin, { namespace, ...more })
      assert.equal(answer.statusCode, 201, answer.body)
      return answer.json()
    }
    const names = async (query: string, token = admin): Promise<string[]> =>
      (await call('GET', `${root}?${query}`, token))
        .json()
        .namespaces.map((one: { namespace: string }) => one.namespace)
    return { ...assembly, make, names }
  }

  it('takes as many properties in one request as fit, and tells when there are more than a namespace may have', async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 8000 }, (_, index) => [`p${index}`, { title: 't', type: 'string' }]),
    )
    const { call } = await start()
    assert.equal((await call('POST', root, admin, { namespace: 'many', properties })).statusCode, 413)
    assert.equal((await call('GET', `${root}/many`, admin)).statusCode, 404)
    const { limits } = await loadConfig({ environment: {}, options: {} })
    const wide = await start({ limits: { ...limits, metadef_parts_per_namespace: -1 } })
    await wide.make('many', { properties })
    const shown = (await wide.call('GET', `${root}/many`, admin)).json()
    assert.equal(Object.keys(shown.properties).length, 8000)
  })

  it('brings definitions along once: what was deleted or changed stays so', async () => {
    const url = await newUrl()
    const first = await startTestService({ database_url: url })
    const listed = (await first.call('GET', `${root}?limit=1000`, reader)).json().namespaces
    assert.ok(listed.length >= 20)
    const tpm = `${root}/OS::Compute::TPM`
    assert.equal((await first.call('DELETE', tpm, admin)).statusCode, 403, 'it is protected')
    await first.call('PUT', tpm, admin, { namespace: 'OS::Compute::TPM' })
    assert.equal((await first.call('DELETE', tpm, admin)).statusCode, 204)
    await first.call('PUT', `${root}/OS::Compute::NUMA`, admin, { namespace: 'Own::NUMA', visibility: 'public' })
    await first.close()

    const second = await startTestService({ database_url: url })
    const again = (await second.call('GET', `${root}?limit=1000`, reader)).json().namespaces
    await second.close()
    const known = again.map((one: { namespace: string }) => one.namespace)
    assert.equal(again.length, listed.length - 1)
    assert.ok(!known.includes('OS::Compute::TPM') && !known.includes('OS::Compute::NUMA'))
    assert.ok(known.includes('Own::NUMA'))
  })

  it('is loaded once by processes that start together', async () => {
    const url = await newUrl()
    const all = await Promise.all([1, 2, 3].map(() => startTestService({ database_url: url })))
    const [one] = all
    const names = (await one?.call('GET', `${root}?limit=1000`, reader))?.json().namespaces
    for (const { close } of all) await close()
    assert.equal(new Set(names.map((found: { namespace: string }) => found.namespace)).size, names.length)
  })

  it('pages through every order without losing or repeating a namespace', async () => {
    let time = Date.parse('2026-01-01T00:00:00Z')
    const { make, names } = await start({}, () => time)
    const made = ['e', 'b', 'd', 'a', 'c']
    for (const [index, name] of made.entries()) {
      if (index % 2 === 0) time += 1000
      await make(name, { visibility: 'private', ...(index % 2 === 0 ? {} : { display_name: 'same' }) })
    }
    const paged = async (order: string): Promise<string[]> => {
      const found: string[] = []
      for (;;) {
        const marker = found.at(-1)
        const query = `visibility=private&limit=2&${order}${marker === undefined ? '' : `&marker=${marker}`}`
        const page = await names(query)
        found.push(...page)
        if (page.length < 2) return found
      }
    }
    assert.deepEqual(await paged(''), [...made].reverse())
    assert.deepEqual(await paged('sort_dir=asc'), made)
    assert.deepEqual(await paged('sort_key=namespace&sort_dir=asc'), ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(await paged('sort_key=namespace'), ['e', 'd', 'c', 'b', 'a'])
    assert.deepEqual(await paged('sort_key=display_name&sort_dir=asc'), ['e', 'd', 'c', 'b', 'a'])
    for (const key of ['updated_at', 'description', 'visibility', 'protected', 'owner']) {
      assert.deepEqual((await paged(`sort_key=${key}`)).sort(), ['a', 'b', 'c', 'd', 'e'], key)
    }
  })

  it('a page of namespaces costs as many queries as it has kinds of rows', async () => {
    const { service, make, names } = await start()
    for (let index = 0; index < 30; index += 1) await make(`n${index}`, { tags: [{ name: 'x' }] })
    let queries = 0
    const read = service.database.read.withPlugin({
      transformQuery: ({ node }) => {
        if (JSON.stringify(node).includes('metadef_')) queries += 1
        return node
      },
      transformResult: async ({ result }) => result,
    })
    Object.assign(service.database, { read })
    assert.equal((await names('limit=25')).length, 25)
    assert.equal(queries, 2)
  })

  it('shows private namespaces to their project alone, and those of nobody to all', async () => {
    const { call, make, names } = await start()
    await make('own', { owner: 'reader' })
    await make('foreign', { owner: 'somebody' })
    const seen = await names('limit=1000', reader)
    assert.ok(seen.includes('own') && !seen.includes('foreign') && seen.includes('OS::OperatingSystem'))
    assert.equal((await call('GET', `${root}/foreign`, reader)).statusCode, 404)
    assert.equal((await call('GET', `${root}?marker=foreign`, reader)).statusCode, 404)
    assert.equal((await call('GET', `${root}/foreign/objects`, reader)).statusCode, 404)
    assert.equal((await call('DELETE', `${root}/foreign`, fakeToken('reader', 'member'))).statusCode, 404)
    assert.equal((await call('DELETE', `${root}/own`, fakeToken('reader', 'member'))).statusCode, 403)
    assert.equal((await call('GET', `${root}/own`, fakeToken('reader'))).statusCode, 404, 'no role')
    assert.equal((await call('GET', root, fakeToken('reader'))).statusCode, 403)
    assert.equal((await call('GET', '/v2/metadefs/resource_types', fakeToken('reader'))).statusCode, 403)
  })

  it('OSSN-0076: definitions cannot fill the tables', async () => {
    const { config } = await start()
    const limits = {
      ...config.limits,
      metadef_namespaces: 24,
      metadef_resource_types: 5,
      metadef_parts_per_namespace: 2,
      metadef_characters_per_namespace: 300,
    }
    const { call, make } = await start({ limits })
    const before = (await call('GET', `${root}?limit=1000`, admin)).json().namespaces.length
    for (let index = before; index < 24; index += 1) await make(`n${index}`)
    assert.equal((await call('POST', root, admin, { namespace: 'more' })).statusCode, 413)
    assert.equal((await call('GET', `${root}/more`, admin)).statusCode, 404)

    const into = async (kind: string, bodies: readonly object[]) =>
      Promise.all(bodies.map(async (body) => (await call('POST', `${root}/n23/${kind}`, admin, body)).statusCode))
    const abc = ['a', 'b', 'c']
    const objects = await into(
      'objects',
      abc.map((name) => ({ name })),
    )
    assert.deepEqual(objects.sort(), [201, 201, 413])
    const property = { title: 't', type: 'string' }
    assert.deepEqual(
      (
        await into(
          'properties',
          abc.map((name) => ({ name, ...property })),
        )
      ).sort(),
      [201, 201, 413],
    )
    assert.deepEqual(
      (
        await into(
          'resource_types',
          abc.map((name) => ({ name })),
        )
      ).sort(),
      [201, 201, 413],
    )
    assert.deepEqual(await into('tags', [{ tags: abc.map((name) => ({ name })) }]), [413])
    assert.deepEqual(await into('tags', [{ tags: [{ name: 'a' }, { name: 'b' }] }]), [201])
    assert.equal((await call('POST', `${root}/n23/tags/c`, admin)).statusCode, 413)

    const long = { name: 'a', description: 'x'.repeat(300) }
    assert.equal((await call('PUT', `${root}/n23/objects/a`, admin, long)).statusCode, 413)
    assert.equal((await call('POST', `${root}/n22/resource_types`, admin, { name: 'd' })).statusCode, 413)
  })

  it('makes of many at once who want one name exactly one', async () => {
    const { call, make } = await start()
    await make('busy')
    const race = async (path: string, body?: object) => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, async () => (await call('POST', path, admin, body)).statusCode),
      )
      assert.deepEqual(answers.sort(), [201, ...Array.from({ length: 7 }, () => 409)], path)
    }
    await race(root, { namespace: 'raced', tags: [{ name: 'x' }] })
    await race(`${root}/busy/objects`, { name: 'o' })
    await race(`${root}/busy/properties`, { name: 'p', title: 't', type: 'string' })
    await race(`${root}/busy/resource_types`, { name: 'r' })
    await race(`${root}/busy/tags/t`)
    await make('two')
    const renames = await Promise.all(
      ['busy', 'two'].map(
        async (name) => (await call('PUT', `${root}/${name}`, admin, { namespace: 'one' })).statusCode,
      ),
    )
    assert.deepEqual(renames.sort(), [200, 409])
  })

  it('keeps odd names, keys and values as they are', async () => {
    const { call } = await start()
    const body = `{"namespace": "a/b é %41", "properties": {"__proto__": {"title": "t", "type": "array",
      "default": ["x", null, 1.5], "enum": [{"constructor": 1}]}}, "objects": [{"name": "..."}]}`
    const made = await call('POST', root, admin, body)
    assert.equal(made.statusCode, 201, made.body)
    const self: string = made.json().self
    assert.equal(self, `${root}/a%2Fb%20%C3%A9%20%2541`)
    const { properties, objects } = (await call('GET', self, admin)).json()
    assert.deepEqual(Object.keys(properties), ['__proto__'])
    const [[, property] = []] = Object.entries(properties)
    const expected = { title: 't', type: 'array', enum: [{ constructor: 1 }], default: ['x', null, 1.5] }
    assert.deepEqual(property, expected)
    assert.equal((await call('GET', objects[0].self, admin)).statusCode, 200)
    const single = await call('GET', `${self}/properties/__proto__`, admin)
    assert.deepEqual(single.json(), { ...expected, name: '__proto__' })
  })

  it('refuses text that not every database holds, wherever it stands', async () => {
    const { call, make } = await start()
    await make('plain')
    const property = { title: 't', type: 'string' }
    const bodies = [
      { namespace: 'x😀' },
      { namespace: 'x', description: '😀' },
      { namespace: 'x', tags: [{ name: '😀' }] },
      { namespace: 'x', properties: { '😀': property } },
      { namespace: 'x', properties: { p: { ...property, default: { deep: ['😀'] } } } },
      { namespace: 'x', objects: [{ name: 'o', properties: { p: { ...property, enum: ['\u0000'] } } }] },
    ]
    for (const body of bodies) {
      assert.equal((await call('POST', root, admin, body)).statusCode, 400, JSON.stringify(body))
    }
    assert.equal((await call('GET', `${root}/x`, admin)).statusCode, 404)
    assert.equal((await call('POST', `${root}/plain/tags/%F0%9F%98%80`, admin)).statusCode, 400)
    const huge = '{"namespace": "x", "properties": {"p": {"title": "t", "type": "number", "default": 1e999}}}'
    assert.equal((await call('POST', root, admin, huge)).statusCode, 400)
    for (const name of ['', '.', '..']) {
      assert.equal((await call('POST', root, admin, { namespace: name })).statusCode, 400, name)
    }
  })

  it('takes what it gave out: an exported namespace goes in again', async () => {
    const { call } = await start()
    const {
      self: _self,
      schema: _schema,
      created_at: _created,
      updated_at: _updated,
      ...exported
    } = (await call('GET', `${root}/OS::Compute::Quota`, admin)).json()
    const made = await call('POST', root, admin, { ...exported, namespace: 'Copy' })
    assert.equal(made.statusCode, 201, made.body)
    const strip = (part: Record<string, unknown>) => {
      const { self: _s, created_at: _c, updated_at: _u, ...rest } = part
      return rest
    }
    assert.deepEqual(made.json().objects.map(strip), exported.objects.map(strip))
  })
})
