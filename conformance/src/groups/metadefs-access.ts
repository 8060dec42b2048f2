import { expectEqual, expectStatus, header } from '../expect.ts'
import type { Json } from '../json.ts'
import { makeNamespace, namespacePath, namespaces, newName, standings } from '../metadefs.ts'
import type { Group, Scene } from '../suite.ts'
import { table } from '../table.ts'

const property = { title: 'Colour', type: 'string' }

/** A body that would be taken, for every call that writes. */
const writes = (path: string, name: string): [method: string, path: string, body: Json | undefined][] => [
  ['PUT', path, { namespace: name }],
  ['POST', `${path}/objects`, { name: 'new' }],
  ['PUT', `${path}/objects/thing`, { name: 'thing' }],
  ['DELETE', `${path}/objects/thing`, undefined],
  ['DELETE', `${path}/objects`, undefined],
  ['POST', `${path}/properties`, { name: 'new', ...property }],
  ['PUT', `${path}/properties/thing`, { name: 'thing', ...property }],
  ['DELETE', `${path}/properties/thing`, undefined],
  ['DELETE', `${path}/properties`, undefined],
  ['POST', `${path}/tags`, { tags: [{ name: 'thing' }] }],
  ['POST', `${path}/tags/new`, undefined],
  ['PUT', `${path}/tags/thing`, { name: 'thing' }],
  ['DELETE', `${path}/tags/thing`, undefined],
  ['DELETE', `${path}/tags`, undefined],
  ['POST', `${path}/resource_types`, { name: 'new' }],
  ['DELETE', `${path}/resource_types/thing`, undefined],
  ['DELETE', path, undefined],
]

const reads = (path: string): string[] => [
  path,
  ...['objects', 'properties', 'tags'].flatMap((kind) => [`${path}/${kind}`, `${path}/${kind}/thing`]),
  `${path}/resource_types`,
]

const parts = {
  objects: [{ name: 'thing' }],
  properties: { thing: property },
  tags: [{ name: 'thing' }],
  resource_type_associations: [{ name: 'thing' }],
}

const runStandings = async (scene: Scene, visibility: 'private' | 'public'): Promise<void> => {
  const { actors, check } = scene
  const name = await makeNamespace(scene, { ...parts, visibility, owner: actors.owner.projectId })
  const path = namespacePath(name)
  for (const { name: who, actor, read, write } of standings(scene, visibility)) {
    await check(`${visibility} namespace, ${who} reads: ${read}`, async () => {
      for (const address of reads(path)) expectStatus(await actor.api.get(address), read)
    })
    await check(`${visibility} namespace, ${who} writes: ${write}`, async () => {
      for (const [method, address, json] of writes(path, name)) {
        expectStatus(await actor.api.send(method, address, json === undefined ? {} : { json }), write)
      }
    })
  }
  await check(`${visibility} namespace, an administrator of another project reads and writes`, async () => {
    for (const address of reads(path)) expectStatus(await actors.admin.api.get(address), 200)
    for (const [method, address, json] of writes(path, name)) {
      // What was taken away as a whole before, or with another call, is not there any more.
      const statuses = method === 'POST' ? [201] : [200, 204]
      expectStatus(await actors.admin.api.send(method, address, json === undefined ? {} : { json }), ...statuses)
    }
  })
}

const methodsOf = table(`
  path                           | allow
                                 | GET, POST
  /NS                            | DELETE, GET, PUT
  /NS/objects                    | DELETE, GET, POST
  /NS/objects/thing              | DELETE, GET, PUT
  /NS/properties                 | DELETE, GET, POST
  /NS/properties/thing           | DELETE, GET, PUT
  /NS/tags                       | DELETE, GET, POST
  /NS/tags/thing                 | DELETE, GET, POST, PUT
  /NS/resource_types             | GET, POST
  /NS/resource_types/thing       | DELETE
`)

const protectedDeletes = ['', '/objects', '/objects/thing', '/properties', '/properties/thing', '/tags', '/tags/thing']

/** Calls that take no body. */
const bodiless = ['', '/tags', '/resource_types']

/** Who may read and write definitions, what protection means, and methods that are not there. */
export const metadefsAccess: Group = {
  name: 'metadef access',
  run: async (scene) => {
    const { actors, check } = scene
    await runStandings(scene, 'private')
    await runStandings(scene, 'public')
    await check('POST of a namespace by anyone else: 403, without a token: 401', async () => {
      for (const { api } of [actors.owner, actors.ownerReader, actors.stranger]) {
        expectStatus(await api.post(namespaces, { namespace: newName() }), 403)
      }
      expectStatus(await actors.nobody.post(namespaces, { namespace: newName() }), 401)
    })
    await check('all resource types, without a role: 403', async () => {
      if (typeof actors.roleless === 'string') return
      expectStatus(await actors.roleless.api.get('/v2/metadefs/resource_types'), 403)
    })

    const guarded = namespacePath(await makeNamespace(scene, { ...parts, protected: true }))
    for (const rest of [...protectedDeletes, '/resource_types/thing']) {
      await check(
        `DELETE ${rest === '' ? 'of a protected namespace' : `of ${rest} in a protected namespace`}: 403`,
        async () => {
          expectStatus(await actors.admin.api.delete(`${guarded}${rest}`), 403)
          expectStatus(await actors.admin.api.get(guarded), 200)
        },
      )
    }
    await check('what is in a protected namespace may change', async () => {
      expectStatus(await actors.admin.api.post(`${guarded}/objects`, { name: 'more' }), 201)
      expectStatus(await actors.admin.api.put(`${guarded}/properties/thing`, { name: 'other', ...property }), 200)
    })

    const name = await makeNamespace(scene, parts)
    for (const row of methodsOf) {
      const path = `${namespaces}${row.text('path').replace('NS', encodeURIComponent(name))}`
      const allow = row.text('allow')
      await check(`other methods on ${row.text('path') || 'namespaces'}: 405, Allow: ${allow}`, async () => {
        const missing = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
          (method) => !allow.split(', ').includes(method),
        )
        for (const method of missing) {
          const answer = expectStatus(await actors.admin.api.send(method, path), 405)
          const told = (header(answer, 'allow') ?? '').split(',').map((one) => one.trim())
          expectEqual(told.sort().join(', '), allow, `Allow of ${method}`)
        }
      })
    }
    await check('all resource types, another method: 405', async () => {
      const answer = expectStatus(await actors.admin.api.post('/v2/metadefs/resource_types', { name: 'x' }), 405)
      expectEqual(header(answer, 'allow'), 'GET', 'Allow')
    })
    for (const rest of bodiless) {
      await check(`GET ${rest === '' ? 'of a namespace' : `of ${rest}`} with a body: 400`, async () => {
        const path = `${namespacePath(name)}${rest}`
        expectStatus(await actors.admin.api.send('GET', path, { json: { name: 'x' } }), 400)
      })
    }
    await check('DELETE of a namespace or an association with a body: 400', async () => {
      for (const rest of ['', '/resource_types/thing']) {
        const path = `${namespacePath(name)}${rest}`
        expectStatus(await actors.admin.api.send('DELETE', path, { json: {} }), 400)
      }
      expectStatus(await actors.admin.api.send('GET', '/v2/metadefs/resource_types', { json: {} }), 400)
    })
  },
}
