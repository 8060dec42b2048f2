import { expectEqual, expectField, expectMatch, expectStatus, header, timeForm } from '../expect.ts'
import { at, type Json, listAt, stringAt } from '../json.ts'
import { forget, makeNamespace, namespacePath, namespaces, newName } from '../metadefs.ts'
import { checker, type Group, type Scene } from '../suite.ts'

const property = { title: 'Colour', type: 'string' }

const runCreate = async (scene: Scene): Promise<void> => {
  const { actors, check, endpoint } = scene
  const { admin } = actors

  await check('POST with the name alone: 201, private, of the own project, nothing that is unset', async () => {
    const name = newName()
    forget(scene, name)
    const made = expectStatus(await admin.api.post(namespaces, { namespace: name }), 201)
    const { created_at: created, updated_at: updated, ...rest } = { ...objectOf(made.json) }
    expectMatch(String(created), timeForm, 'created_at')
    expectEqual(updated, created, 'updated_at')
    expectEqual(decodeURIComponent(String(rest.self)), `${namespaces}/${name}`, 'self')
    const expected = {
      namespace: name,
      visibility: 'private',
      protected: false,
      owner: admin.projectId,
      schema: '/v2/schemas/metadefs/namespace',
    }
    const { self: _self, ...shown } = rest
    expectEqual(shown, expected, 'the namespace')
    const location = header(made, 'location') ?? ''
    expectEqual(new URL(location).host, endpoint.host, 'the host of Location')
    expectEqual(decodeURIComponent(new URL(location).pathname).endsWith(`${namespaces}/${name}`), true, 'Location')
  })
  await check('POST with all fields, for another project: 201', async () => {
    const name = newName()
    forget(scene, name)
    const fields = {
      namespace: name,
      display_name: 'd'.repeat(80),
      description: 'e'.repeat(500),
      visibility: 'public',
      protected: true,
      owner: actors.owner.projectId,
    }
    expectStatus(await admin.api.post(namespaces, fields), 201)
    const shown = expectStatus(await actors.stranger.api.get(namespacePath(name)), 200)
    for (const [key, value] of Object.entries(fields)) expectField(shown, [key], value)
  })
  await check('POST of a name of 80 characters: 201', async () => {
    const name = newName().padEnd(80, 'x')
    forget(scene, name)
    expectStatus(await admin.api.post(namespaces, { namespace: name }), 201)
  })
  await check('POST of a name that is taken: 409', async () => {
    const name = await makeNamespace(scene)
    expectStatus(await admin.api.post(namespaces, { namespace: name }), 409)
  })
}

const objectOf = (json: Json | undefined): { [key: string]: Json } =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {}

const badBodies: readonly { what: string; body: Json; status: number; own?: boolean }[] = [
  { what: 'no name', body: { display_name: 'x' }, status: 400 },
  { what: 'a name of 81 characters', body: { namespace: 'x'.repeat(81) }, status: 400 },
  { what: 'a number as name', body: { namespace: 1 }, status: 400 },
  { what: 'an empty name', body: { namespace: '' }, status: 400, own: true },
  { what: 'an unknown key', body: { namespace: 'x', colour: 'red' }, status: 400 },
  { what: 'a display name of 81 characters', body: { namespace: 'x', display_name: 'x'.repeat(81) }, status: 400 },
  { what: 'a description of 501 characters', body: { namespace: 'x', description: 'x'.repeat(501) }, status: 400 },
  { what: 'null as description', body: { namespace: 'x', description: null }, status: 400 },
  { what: 'the visibility shared', body: { namespace: 'x', visibility: 'shared' }, status: 400 },
  { what: 'a text as protected', body: { namespace: 'x', protected: 'yes' }, status: 400 },
  { what: 'a list', body: [], status: 400, own: true },
  { what: 'self', body: { namespace: 'x', self: '/x' }, status: 403 },
  { what: 'schema', body: { namespace: 'x', schema: '/x' }, status: 403 },
  { what: 'created_at', body: { namespace: 'x', created_at: '2026-01-01T00:00:00Z' }, status: 403 },
  { what: 'updated_at', body: { namespace: 'x', updated_at: '2026-01-01T00:00:00Z' }, status: 403 },
  { what: 'a character above U+FFFF', body: { namespace: 'x', description: '😀' }, status: 400, own: true },
]

const runBodies = async (scene: Scene): Promise<void> => {
  const { admin, stranger } = scene.actors
  const name = await makeNamespace(scene)
  for (const { what, body, status, own } of badBodies) {
    const check = checker(scene, own)
    await check(`POST with ${what}: ${status}`, async () => {
      expectStatus(await admin.api.post(namespaces, body), status)
    })
    await check(`PUT with ${what}: ${status}`, async () => {
      expectStatus(await admin.api.put(namespacePath(name), body), status)
    })
  }
  await scene.check('POST without a body: 400', async () => {
    expectStatus(await admin.api.post(namespaces), 400)
  })
  await scene.check('POST that is no JSON: 400', async () => {
    expectStatus(await admin.api.send('POST', namespaces, { body: '{' }), 400)
  })
  await scene.check('a stranger who sends a wrong body to what it does not see: 400', async () => {
    expectStatus(await stranger.api.put(namespacePath(name), { namespace: 1 }), 400)
  })
}

const runNested = async (scene: Scene): Promise<void> => {
  const { actors, check, own } = scene
  const { admin } = actors
  const parts = {
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_' }, { name: 'OS::Nova::Flavor' }],
    properties: { colour: property, width: { title: 'Width', type: 'integer', minimum: 1 } },
    objects: [{ name: 'Coat', description: 'Paint', required: ['colour'], properties: { colour: property } }],
    tags: [{ name: 'Wet' }, { name: 'Dry' }],
  }
  await check('POST with all that is in it: 201, and it is there', async () => {
    const name = await makeNamespace(scene, parts)
    const shown = expectStatus(await admin.api.get(namespacePath(name)), 200)
    const types = listAt(shown.json, 'resource_type_associations')
    expectEqual(types.map((type) => stringAt(type, 'name')).sort(), ['OS::Glance::Image', 'OS::Nova::Flavor'], 'types')
    expectField(shown, ['properties', 'width', 'minimum'], 1)
    expectField(shown, ['objects', 0, 'name'], 'Coat')
    expectField(shown, ['objects', 0, 'required'], ['colour'])
    expectField(shown, ['objects', 0, 'properties', 'colour', 'title'], 'Colour')
    expectEqual(
      listAt(shown.json, 'tags')
        .map((tag) => stringAt(tag, 'name'))
        .sort(),
      ['Dry', 'Wet'],
      'tags',
    )
  })
  await check('GET with resource_type: properties have its prefix, in objects too', async () => {
    const name = await makeNamespace(scene, parts)
    const asked = (type: string) => admin.api.get(`${namespacePath(name)}?resource_type=${encodeURIComponent(type)}`)
    const shown = expectStatus(await asked('OS::Glance::Image'), 200)
    expectEqual(Object.keys(objectOf(at(shown.json, 'properties'))).sort(), ['acme_colour', 'acme_width'], 'properties')
    expectEqual(Object.keys(objectOf(at(shown.json, 'objects', 0, 'properties'))), ['acme_colour'], 'of the object')
    expectField(shown, ['objects', 0, 'required'], ['acme_colour'])
    for (const type of ['OS::Nova::Flavor', 'OS::Other']) {
      const bare = expectStatus(await asked(type), 200)
      expectEqual(Object.keys(objectOf(at(bare.json, 'properties'))).sort(), ['colour', 'width'], type)
    }
  })
  const failing: readonly { what: string; parts: { [key: string]: Json }; status: number; own?: boolean }[] = [
    { what: 'an object twice', parts: { objects: [{ name: 'a' }, { name: 'a' }] }, status: 409 },
    { what: 'a tag twice', parts: { tags: [{ name: 'a' }, { name: 'A' }] }, status: 409, own: true },
    { what: 'a property without title', parts: { properties: { a: { type: 'string' } } }, status: 400 },
    { what: 'an object without name', parts: { objects: [{}] }, status: 400, own: true },
    { what: 'an unknown key in an object', parts: { objects: [{ name: 'a', colour: 'red' }] }, status: 400 },
  ]
  for (const { what, parts: bad, status, own: isOwn } of failing) {
    await checker(scene, isOwn)(`POST with ${what}: ${status}, and there is no namespace`, async () => {
      const name = newName()
      forget(scene, name)
      const good = { tags: [{ name: 'kept' }], resource_type_associations: [{ name: 'OS::Glance::Image' }] }
      expectStatus(await admin.api.post(namespaces, { namespace: name, ...good, ...bad }), status)
      expectStatus(await admin.api.get(namespacePath(name)), 404)
    })
  }
  await own('POST takes what GET gave out', async () => {
    const first = await makeNamespace(scene, parts)
    const document = objectOf((await admin.api.get(namespacePath(first))).json)
    const keys = ['self', 'schema', 'created_at', 'updated_at', 'namespace']
    const rest = Object.fromEntries(Object.entries(document).filter(([key]) => !keys.includes(key)))
    const copy = await makeNamespace(scene, rest)
    const copied = (await admin.api.get(namespacePath(copy))).json
    for (const key of ['properties', 'tags']) expectEqual(at(copied, key), at(document, key), key)
  })
}

const runChange = async (scene: Scene): Promise<void> => {
  const { actors, check } = scene
  const { admin } = actors
  await check('PUT replaces all fields: those left out fall back', async () => {
    const full = { display_name: 'x', description: 'y', visibility: 'public', owner: actors.owner.projectId }
    const name = await makeNamespace(scene, { ...full, tags: [{ name: 'kept' }] })
    const answer = expectStatus(await admin.api.put(namespacePath(name), { namespace: name }), 200)
    expectField(answer, ['visibility'], 'private')
    expectField(answer, ['owner'], admin.projectId)
    const shown = expectStatus(await admin.api.get(namespacePath(name)), 200)
    for (const key of ['display_name', 'description']) expectField(shown, [key], undefined)
    expectField(shown, ['protected'], false)
    expectField(shown, ['tags'], [{ name: 'kept' }])
  })
  await check('PUT with another name renames it, with all that is in it', async () => {
    const name = await makeNamespace(scene, { properties: { colour: property } })
    const other = newName()
    forget(scene, other)
    const renamed = expectStatus(await admin.api.put(namespacePath(name), { namespace: other }), 200)
    expectEqual(decodeURIComponent(stringAt(renamed.json, 'self')), `${namespaces}/${other}`, 'self')
    expectStatus(await admin.api.get(namespacePath(name)), 404)
    expectField(await admin.api.get(namespacePath(other)), ['properties', 'colour', 'title'], 'Colour')
  })
  await check('PUT with the name of another namespace: 409', async () => {
    const [one, two] = [await makeNamespace(scene), await makeNamespace(scene)]
    expectStatus(await admin.api.put(namespacePath(one), { namespace: two }), 409)
    expectStatus(await admin.api.get(namespacePath(one)), 200)
  })
  await check('GET, PUT and DELETE of one that is not there: 404', async () => {
    const path = namespacePath(newName())
    expectStatus(await admin.api.get(path), 404)
    expectStatus(await admin.api.put(path, { namespace: newName() }), 404)
    expectStatus(await admin.api.delete(path), 404)
  })
  await check('DELETE: 204, and all that was in it is gone', async () => {
    const name = await makeNamespace(scene, { objects: [{ name: 'Coat' }], tags: [{ name: 'Wet' }] })
    expectStatus(await admin.api.delete(namespacePath(name)), 204)
    expectStatus(await admin.api.get(`${namespacePath(name)}/objects/Coat`), 404)
    await makeNamespace(scene, {}, name)
    expectStatus(await admin.api.get(`${namespacePath(name)}/objects/Coat`), 404)
    expectField(await admin.api.get(`${namespacePath(name)}/tags`), ['tags'], [])
  })
  await check('DELETE of a protected one: 403, and of one that was: 204', async () => {
    const name = await makeNamespace(scene, { protected: true })
    expectStatus(await admin.api.delete(namespacePath(name)), 403)
    expectStatus(await admin.api.put(namespacePath(name), { namespace: name }), 200)
    expectStatus(await admin.api.delete(namespacePath(name)), 204)
  })
}

/** Namespaces: made, shown, replaced, renamed, deleted. */
export const metadefsNamespaces: Group = {
  name: 'metadef namespaces',
  run: async (scene) => {
    await runCreate(scene)
    await runBodies(scene)
    await runNested(scene)
    await runChange(scene)
  },
}
