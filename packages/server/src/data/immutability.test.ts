/** Once an image is active, its bytes, their size and their digests stay what they are, whatever anybody calls in whatever order. */
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { admin, importsFromHere, newImage, octets, producer, startWeb } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { partHeaders } from '../uploads/testing.ts'

const actors = {
  producer,
  consumer: fakeToken('consumer', 'member'),
  stranger: fakeToken('stranger', 'member'),
  reader: fakeToken('producer', 'reader'),
  service: fakeToken('nova', 'service', 'member'),
  admin,
}
type ActorName = keyof typeof actors
const actorNames = Object.keys(actors).filter((name): name is ActorName => name in actors)

/** Different bytes of one length, so that size alone never tells them apart. */
const contents = [0, 1, 2, 3].map((seed) => Buffer.alloc(3000, `bytes number ${seed} `))
const digestOf = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex')
const digests = new Set(contents.map(digestOf))

const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

/** What Glance once believed when a caller said so in a header (OSSA-2015-019). */
const lies = { 'x-image-meta-status': 'queued', 'x-image-meta-size': '1', 'x-image-meta-checksum': '0'.repeat(32) }

const patches: readonly unknown[] = [
  ...['status', 'size', 'checksum', 'os_hash_value', 'os_hash_algo', 'virtual_size', 'id', 'file', 'stores'].flatMap(
    (name) => [
      [{ op: 'replace', path: `/${name}`, value: name === 'status' ? 'queued' : '0' }],
      [{ op: 'remove', path: `/${name}` }],
    ],
  ),
  [{ op: 'replace', path: '/disk_format', value: 'qcow2' }],
  [{ op: 'replace', path: '/owner', value: 'consumer' }],
  [{ op: 'replace', path: '/visibility', value: 'community' }],
  [{ op: 'replace', path: '/locations', value: [] }],
  [{ op: 'remove', path: '/locations/0' }],
  [{ op: 'add', path: '/vitrine_expected_size', value: '1' }],
  [{ op: 'add', path: '/os_glance_import_task', value: 'mine' }],
  [{ op: 'add', path: '/img_signature', value: 'AAAA' }],
]

/** One call on the image, made of a number that says which of its variants it is. */
type Call = (world: World, token: string, id: string, variant: number) => Promise<unknown>

const content = (variant: number): Buffer => contents[variant % contents.length] ?? Buffer.alloc(0)
const pick = <T>(list: readonly T[], variant: number): T | undefined => list[variant % list.length]

const sendByTus = async ({ call }: TestService, token: string, id: string, variant: number): Promise<void> => {
  const bytes = content(variant)
  const headers = { ...partHeaders, 'upload-length': String(bytes.length) }
  const first = variant % 2 === 0 ? bytes : bytes.subarray(0, 1000)
  const begun = await call('POST', `/v2/images/${id}/uploads`, token, first, headers)
  if (begun.statusCode !== 201) return
  const path = new URL(String(begun.headers.location)).pathname
  if (first !== bytes) {
    await call('PATCH', path, token, bytes.subarray(1000), { ...partHeaders, 'upload-offset': '1000' })
  }
  // More after the end, and calling off what is done.
  await call('PATCH', path, token, content(variant + 1), { ...partHeaders, 'upload-offset': String(bytes.length) })
  await call('PATCH', path, token, content(variant + 1), { ...partHeaders, 'upload-offset': '0' })
  await call('DELETE', path, token, undefined, { 'tus-resumable': '1.0.0' })
}

const calls: Readonly<Record<string, Call>> = {
  upload: ({ service }, token, id, variant) =>
    service.call('PUT', `/v2/images/${id}/file`, token, content(variant), {
      ...octets,
      ...(variant % 3 === 0 ? lies : {}),
    }),
  stage: ({ service }, token, id, variant) =>
    service.call('PUT', `/v2/images/${id}/stage`, token, content(variant), octets),
  import: ({ service, web }, token, id, variant) => {
    const method = pick(
      [{ name: 'glance-direct' }, { name: 'copy-image' }, { name: 'web-download', uri: `${web}/${variant}` }],
      variant,
    )
    const where = pick([{}, { all_stores: true }, { stores: ['two'] }], variant >> 2)
    return service.call('POST', `/v2/images/${id}/import`, token, { method, ...where })
  },
  location: ({ service, web }, token, id, variant) =>
    service.call('POST', `/v2/images/${id}/locations`, token, { url: `${web}/${variant}` }),
  resume: ({ service }, token, id, variant) => sendByTus(service, token, id, variant),
  change: ({ service }, token, id, variant) =>
    service.call('PATCH', `/v2/images/${id}`, token, pick(patches, variant), patchType),
  again: ({ service }, token, id) =>
    service.call('POST', '/v2/images', token, { id, disk_format: 'raw', container_format: 'bare' }),
  deleteCopy: ({ service }, token, id, variant) =>
    service.call('DELETE', `/v2/stores/${pick(['one', 'two'], variant)}/${id}`, token),
  act: ({ service }, token, id, variant) =>
    service.call('POST', `/v2/images/${id}/actions/${pick(['deactivate', 'reactivate'], variant)}`, token),
  /** Any route there is that names an image, with a body that suits another one. */
  any: ({ service, routes }, token, id, variant) => {
    const route = pick(routes, variant)
    assert.ok(route)
    const body = pick([undefined, {}, { status: 'queued' }, content(variant), pick(patches, variant)], variant >> 3)
    const path = route.path.replace(/\{imageId\}/g, id).replace(/\{\w+\}/g, randomUUID())
    return service.call(route.method, path, token, body, Buffer.isBuffer(body) ? octets : {})
  },
  delete: ({ service }, token, id) => service.call('DELETE', `/v2/images/${id}`, token),
}

interface World {
  readonly service: TestService
  readonly web: string
  readonly routes: readonly { readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; readonly path: string }[]
}

const methods = { get: 'GET', post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const

const routesOf = async (service: TestService): Promise<World['routes']> => {
  const { paths } = (await service.call('GET', '/openapi.json')).json()
  const routes = Object.entries<object>(paths).flatMap(([path, operations]) =>
    Object.entries(methods).flatMap(([name, method]) =>
      path.includes('{imageId}') && name in operations ? [{ method, path }] : [],
    ),
  )
  assert.ok(routes.length > 30)
  // To delete it is the one thing that may be done to the bytes; it has a call of its own.
  return routes.filter(({ method, path }) => !(method === 'DELETE' && path === '/v2/images/{imageId}'))
}

/** What is known of an image: once it had bytes, these; `gone` when it was deleted. */
interface Known {
  digest: string | undefined
  isGone: boolean
}

/** An administrator reads what is deactivated, its owner what is encrypted. */
const bytesOf = async ({ call }: TestService, id: string): Promise<Buffer | undefined> => {
  for (const token of [admin, producer]) {
    const answer = await call('GET', `/v2/images/${id}/file`, token)
    if (answer.statusCode === 200) return answer.rawPayload
    assert.ok([403, 404].includes(answer.statusCode), `no bytes: ${answer.statusCode}`)
  }
  return undefined
}

const judge = async (service: TestService, id: string, known: Known): Promise<void> => {
  const shown = await service.call('GET', `/v2/images/${id}`, admin)
  if (shown.statusCode === 404) {
    known.isGone = true
    return
  }
  assert.equal(shown.statusCode, 200)
  assert.equal(known.isGone, false, 'a deleted image has come back')
  const image = shown.json()
  const hasBytes = image.status === 'active' || image.status === 'deactivated'
  if (known.digest !== undefined) assert.ok(hasBytes, `an image that had bytes is ${image.status}`)
  if (!hasBytes) {
    // An import writes them down with the first copy, and the image is active with the last.
    if (image.status !== 'importing') assert.equal(image.os_hash_value, null)
    return
  }
  known.digest ??= image.os_hash_value
  assert.ok(digests.has(image.os_hash_value))
  assert.equal(image.os_hash_value, known.digest)
  assert.equal(image.size, 3000)
  const bytes = await bytesOf(service, id)
  if (bytes === undefined) assert.equal(image.__system__encrypted, '1')
  else assert.equal(digestOf(bytes), known.digest)
}

const settled = async ({ call }: TestService, id: string): Promise<void> => {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const answer = await call('GET', `/v2/images/${id}/tasks`, admin)
    const tasks: { status: string }[] = answer.statusCode === 200 ? answer.json().tasks : []
    if (tasks.every(({ status }) => status === 'success' || status === 'failure')) return
    await wait(10)
  }
  assert.fail('a task did not end')
}

/** Deletes every image there is: then no store holds a byte, and no project is charged for one. */
const nothingIsLeft = async ({ call, service }: TestService): Promise<void> => {
  const images = await service.database.read.selectFrom('images').select('id').execute()
  for (const { id } of images) {
    await call('PATCH', `/v2/images/${id}`, admin, [{ op: 'replace', path: '/protected', value: false }], patchType)
    await call('DELETE', `/v2/images/${id}`, admin)
  }
  const stored = async (): Promise<number> => {
    let count = (await service.database.read.selectFrom('blobs').select('key').execute()).length
    for (const name of ['one', 'two']) for await (const _ of service.stores.byName(name)?.keys() ?? []) count += 1
    return count
  }
  for (let attempt = 0; (await stored()) > 0; attempt += 1) {
    assert.ok(attempt < 500, 'bytes of deleted images were left')
    service.sweeper.kick()
    await wait(20)
  }
}

interface Step {
  readonly name: string
  readonly actor: ActorName
  readonly variant: number
}

const step: fc.Arbitrary<Step> = fc.record({
  // Deleting ends the story: it comes seldom.
  name: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...Object.keys(calls).filter((name) => name !== 'delete')) },
    { weight: 1, arbitrary: fc.constant('delete') },
  ),
  actor: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<ActorName>('producer', 'admin') },
    { weight: 1, arbitrary: fc.constantFrom(...actorNames) },
  ),
  variant: fc.nat(10_000),
})

eachDatabase('immutability', ({ newUrl, atEnd }) => {
  const startWorld = async (): Promise<World> => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    atEnd(() => rm(folder, { recursive: true, force: true }))
    const web = await startWeb((request, response) => {
      response.end(content(Number(request.url?.slice(1))))
    })
    atEnd(web.close)
    const stores = ['one', 'two'].map((name) => `${name}=file://${folder}/${name}`).join(',')
    const settings = { stores, ...importsFromHere, web_locations: true, database_url: await newUrl() }
    const service = await startTestService(settings)
    atEnd(() => service.close())
    const call: TestService['call'] = async (method, path, ...rest) => {
      const answer = await service.call(method, path, ...rest)
      assert.ok(answer.statusCode < 500, `${method} ${path}: ${answer.body}`)
      return answer
    }
    return { service: { ...service, call }, web: web.url, routes: await routesOf(service) }
  }

  it('OSSA-2015-019, CVE-2022-4134: no order of calls changes the bytes of an active image', async () => {
    const world = await startWorld()
    const { service } = world
    let withBytes = 0
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(rounds, fc.boolean(), async (story, isActiveFirst) => {
        const id = await newImage(service)
        const known: Known = { digest: undefined, isGone: false }
        await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
        if (isActiveFirst) await service.call('PUT', `/v2/images/${id}/file`, producer, contents[0], octets)
        await judge(service, id, known)
        for (const round of story) {
          await Promise.all(round.map(({ name, actor, variant }) => calls[name]?.(world, actors[actor], id, variant)))
          await judge(service, id, known)
        }
        await settled(service, id)
        await judge(service, id, known)
        if (known.digest !== undefined) withBytes += 1
      }),
      { numRuns: 60 },
    )
    await nothingIsLeft(service)
    assert.ok(withBytes > 30, `only ${withBytes} stories had bytes to keep`)
  })
})
