import { expectEqual, expectField, expectStatus, header } from '../expect.ts'
import { type Json, stringAt } from '../json.ts'
import { checker, type Group, type Scene, sleep } from '../suite.ts'

const v21 = 'application/openstack-images-v2.1-json-patch'
const v20 = 'application/openstack-images-v2.0-json-patch'

const mediaTypes: [type: string | undefined, status: number][] = [
  [v21, 200],
  [v20, 200],
  [`${v21}; charset=utf-8`, 200],
  [undefined, 415],
  ['application/json', 415],
  ['application/json-patch+json', 415],
  ['application/openstack-images-v2.2-json-patch', 415],
  ['text/plain', 415],
]

const runMediaTypes = async (scene: Scene) => {
  const { actors, images, check } = scene
  const image = `/v2/images/${await images.queued()}`
  for (const [type, status] of mediaTypes)
    await check(`PATCH of type ${type ?? 'nothing'} is ${status}`, async () => {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      const answer = await actors.owner.api.send('PATCH', image, { body: '[]', headers })
      expectStatus(answer, status)
      if (status !== 415) return
      const types = (header(answer, 'accept-patch') ?? '').split(',').map((one) => one.trim())
      expectEqual(types.sort(), [v20, v21], 'Accept-Patch')
    })
}

/** Documents of version 2.1 that are refused whatever the image is. */
const refusedDocuments: [what: string, body: string][] = [
  ['no body', ''],
  ['malformed JSON', '[{"op": '],
  ['an object', '{"op": "add", "path": "/a", "value": "b"}'],
  ['a string', '"add"'],
  ['JSON null', 'null'],
  ['an element that is a string', '["add"]'],
  ['an element that is null', '[null]'],
  ['an element that is an array', '[[]]'],
  ['no op', '[{"path": "/a", "value": "b"}]'],
  ['op move', '[{"op": "move", "path": "/a", "from": "/b"}]'],
  ['op copy', '[{"op": "copy", "path": "/a", "from": "/b"}]'],
  ['op test', '[{"op": "test", "path": "/a", "value": "b"}]'],
  ['op in capitals', '[{"op": "ADD", "path": "/a", "value": "b"}]'],
  ['no path', '[{"op": "add", "value": "b"}]'],
  ['path a number', '[{"op": "add", "path": 7, "value": "b"}]'],
  ['add without value', '[{"op": "add", "path": "/a"}]'],
  ['replace without value', '[{"op": "replace", "path": "/name"}]'],
  ['one good and one bad element', '[{"op": "add", "path": "/a", "value": "b"}, {"op": "move", "path": "/a"}]'],
]

const refusedV20: [what: string, body: string][] = [
  ['no operation', '[{"value": "b"}]'],
  ['two operations', '[{"add": "/a", "replace": "/a", "value": "b"}]'],
  ['add without value', '[{"add": "/a"}]'],
]

const runDocuments = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.queued({ kept: 'as it was' })
  const image = `/v2/images/${id}`
  const send = (type: string, body: string) =>
    actors.owner.api.send('PATCH', image, { body, headers: { 'content-type': type } })
  const before = await images.read(id)
  for (const [what, body] of refusedDocuments)
    await check(`v2.1, ${what}: 400`, async () => {
      expectStatus(await send(v21, body), 400)
    })
  for (const [what, body] of refusedV20)
    await check(`v2.0, ${what}: 400`, async () => {
      expectStatus(await send(v20, body), 400)
    })
  await check('refused documents change nothing', async () => expectEqual(await images.read(id), before, 'the image'))
  await check('an empty array changes nothing', async () => {
    const answer = expectStatus(await send(v21, '[]'), 200)
    expectEqual(answer.json, before, 'the image')
  })
  await images.share(id, actors.consumer)
  await check('an empty array is 200 also for a member', async () => {
    expectStatus(await actors.consumer.api.patch(image, []), 200)
  })
  await check('and 404 for a stranger', async () => {
    expectStatus(await actors.stranger.api.patch(image, []), 404)
  })
  await check('unknown keys of an operation are read over, and a value of remove', async () => {
    const add = '[{"op": "add", "path": "/a", "value": "b", "from": "/c", "comment": "x"}]'
    expectField(expectStatus(await send(v21, add), 200), ['a'], 'b')
    const remove = '[{"op": "remove", "path": "/a", "value": "b"}]'
    expectField(expectStatus(await send(v21, remove), 200), ['a'], undefined)
  })
}

/** Pointers, the name that they mean, or the refusal. */
const pointers: [pointer: string, result: string | 400, own?: 'own'][] = [
  ['/plain', 'plain'],
  ['/with blank', 'with blank'],
  ['/ trimmed ', 'trimmed'],
  ['/a~1b', 'a/b'],
  ['/a~0b', 'a~b'],
  ['/~01', '~1'],
  ['/%20', '%20'],
  ['', 400],
  ['plain', 400],
  ['/a/', 400],
  ['/a//b', 400],
  ['//', 400],
  ['/a/b', 400],
  ['/tags/-', 400],
  ['/tags/0', 400],
  ['/~', 400],
  ['/a~2', 400],
  ['/a~', 400],
  ['/', 400, 'own'],
]

const runPointers = async (scene: Scene) => {
  const { actors, images } = scene
  const image = `/v2/images/${await images.queued()}`
  for (const [pointer, result, flag] of pointers)
    await checker(scene, flag === 'own')(
      `the pointer "${pointer}" ${result === 400 ? 'is 400' : `means "${result}"`}`,
      async () => {
        const answer = await actors.owner.api.patch(image, [{ op: 'add', path: pointer, value: 'here' }])
        if (result === 400) expectStatus(answer, 400)
        else expectField(expectStatus(answer, 200), [result], 'here')
      },
    )
}

type Operation = { [key: string]: Json }

/** What an operation does to a base attribute, to a property that is there, and to one that is not. */
const semantics: [version: 'v2.0' | 'v2.1', operation: string, name: string, status: number][] = [
  ['v2.1', 'add', 'name', 200],
  ['v2.1', 'add', 'present', 200],
  ['v2.1', 'add', 'absent', 200],
  ['v2.1', 'replace', 'name', 200],
  ['v2.1', 'replace', 'present', 200],
  ['v2.1', 'replace', 'absent', 409],
  ['v2.1', 'remove', 'name', 403],
  ['v2.1', 'remove', 'present', 200],
  ['v2.1', 'remove', 'absent', 409],
  ['v2.0', 'add', 'name', 409],
  ['v2.0', 'add', 'present', 409],
  ['v2.0', 'add', 'absent', 200],
  ['v2.0', 'replace', 'name', 200],
  ['v2.0', 'replace', 'present', 200],
  ['v2.0', 'replace', 'absent', 409],
  ['v2.0', 'remove', 'name', 403],
  ['v2.0', 'remove', 'present', 200],
  ['v2.0', 'remove', 'absent', 409],
]

const runSemantics = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const [version, operation, name, status] of semantics)
    await check(`${version}: ${operation} of ${name} is ${status}`, async () => {
      const image = `/v2/images/${await images.queued({ present: 'old' })}`
      const path: Operation = version === 'v2.1' ? { op: operation, path: `/${name}` } : { [operation]: `/${name}` }
      const answer = await actors.owner.api.patch(image, [{ ...path, value: 'new' }], version)
      expectStatus(answer, status)
      if (status === 200) expectField(answer, [name], operation === 'remove' ? undefined : 'new')
    })
}

const runAtomicity = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.queued({ name: 'before' })
  const image = `/v2/images/${id}`
  const { api } = actors.owner
  const created = await images.read(id)
  await check('one failing operation discards all', async () => {
    const operations = [
      { op: 'replace', path: '/name', value: 'after' },
      { op: 'add', path: '/tags', value: ['after'] },
      { op: 'add', path: '/new', value: 'after' },
      { op: 'replace', path: '/missing', value: 'after' },
    ]
    expectStatus(await api.patch(image, operations), 409)
    expectEqual(await images.read(id), created, 'the image')
  })
  await check('operations apply in order, also several on one name', async () => {
    const operations = [
      { op: 'add', path: '/step', value: '1' },
      { op: 'replace', path: '/step', value: '2' },
      { op: 'remove', path: '/step' },
      { op: 'replace', path: '/name', value: 'once' },
      { op: 'replace', path: '/name', value: 'twice' },
    ]
    const answer = expectStatus(await api.patch(image, operations), 200)
    expectField(answer, ['name'], 'twice')
    expectField(answer, ['step'], undefined)
  })
  await check('removing first makes replace fail', async () => {
    const operations = [
      { op: 'add', path: '/step', value: '1' },
      { op: 'remove', path: '/step' },
      { op: 'replace', path: '/step', value: '2' },
    ]
    expectStatus(await api.patch(image, operations), 409)
  })
  await sleep(1100)
  await check('updated_at moves with a change, created_at does not', async () => {
    const answer = expectStatus(await api.patch(image, [{ op: 'replace', path: '/name', value: 'later' }]), 200)
    expectField(answer, ['created_at'], created.created_at)
    const moved = stringAt(answer.json, 'updated_at')
    if (moved <= String(created.updated_at)) throw new Error(`updated_at is still ${moved}`)
  })
}

export const imagesPatch: Group = {
  name: 'PATCH documents',
  async run(scene) {
    await runMediaTypes(scene)
    await runDocuments(scene)
    await runPointers(scene)
    await runSemantics(scene)
    await runAtomicity(scene)
  },
}
