import { expectEqual, expectField, expectMatch, expectStatus, timeForm } from '../expect.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../json.ts'
import { makeNamespace, namespacePath } from '../metadefs.ts'
import { checker, type Group, type Scene } from '../suite.ts'

const property = { title: 'Colour', type: 'string' }

const runObjects = async (scene: Scene): Promise<void> => {
  const { admin } = scene.actors
  const { check } = scene
  const objects = `${namespacePath(await makeNamespace(scene))}/objects`

  await check('POST of an object: 201, with its paths and an empty list of what is required', async () => {
    const made = expectStatus(await admin.api.post(objects, { name: 'Coat', properties: { colour: property } }), 201)
    expectField(made, ['name'], 'Coat')
    expectField(made, ['schema'], '/v2/schemas/metadefs/object')
    expectEqual(decodeURIComponent(stringAt(made.json, 'self')), decodeURIComponent(`${objects}/Coat`), 'self')
    for (const key of ['created_at', 'updated_at']) expectMatch(stringAt(made.json, key), timeForm, key)
    const shown = expectStatus(await admin.api.get(`${objects}/Coat`), 200)
    expectField(shown, ['required'], [])
    expectField(shown, ['properties', 'colour', 'type'], 'string')
  })
  await check('GET of all: 200', async () => {
    const all = expectStatus(await admin.api.get(objects), 200)
    expectEqual(
      listAt(all.json, 'objects').map((object) => stringAt(object, 'name')),
      ['Coat'],
      'objects',
    )
    expectMatch(stringAt(all.json, 'schema'), /^\/?v2\/schemas\/metadefs\/objects$/, 'schema')
  })
  const bad: readonly { what: string; body: Json; status: number }[] = [
    { what: 'no name', body: { description: 'x' }, status: 400 },
    { what: 'a name of 81 characters', body: { name: 'x'.repeat(81) }, status: 400 },
    { what: 'an unknown key', body: { name: 'x', colour: 'red' }, status: 400 },
    { what: 'a property without title', body: { name: 'x', properties: { a: { type: 'string' } } }, status: 400 },
    { what: 'a property without type', body: { name: 'x', properties: { a: { title: 'A' } } }, status: 400 },
    { what: 'a name that is taken', body: { name: 'Coat' }, status: 409 },
  ]
  for (const { what, body, status } of bad) {
    await check(`POST of an object with ${what}: ${status}`, async () => {
      expectStatus(await admin.api.post(objects, body), status)
    })
  }
  await check('limit 0 or below for objects: 400', async () => {
    expectStatus(await admin.api.get(`${objects}?limit=0`), 400)
    expectStatus(await admin.api.get(`${objects}?limit=-1`), 400)
  })
  await check('PUT of an object replaces and renames it', async () => {
    expectStatus(await admin.api.post(objects, { name: 'Old', description: 'x', required: ['a'] }), 201)
    expectStatus(await admin.api.put(`${objects}/Old`, { name: 'Coat' }), 409)
    const changed = expectStatus(await admin.api.put(`${objects}/Old`, { name: 'New', description: 'y' }), 200)
    expectField(changed, ['description'], 'y')
    expectStatus(await admin.api.get(`${objects}/Old`), 404)
    expectField(await admin.api.get(`${objects}/New`), ['required'], [])
    expectStatus(await admin.api.put(`${objects}/Old`, { name: 'Other' }), 404)
  })
  await check('DELETE of an object: 204, then 404', async () => {
    expectStatus(await admin.api.delete(`${objects}/New`), 204)
    expectStatus(await admin.api.delete(`${objects}/New`), 404)
    expectStatus(await admin.api.get(`${objects}/New`), 404)
  })
  await check('DELETE of all objects: 204, then none', async () => {
    expectStatus(await admin.api.delete(objects), 204)
    expectField(await admin.api.get(objects), ['objects'], [])
  })
}

const runProperties = async (scene: Scene): Promise<void> => {
  const { admin } = scene.actors
  const { check, own } = scene
  const types = { resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_' }] }
  const properties = `${namespacePath(await makeNamespace(scene, types))}/properties`
  const full = {
    name: 'colour',
    title: 'Colour',
    type: 'array',
    description: 'What it is painted with',
    operators: ['<in>'],
    items: { type: 'string', enum: ['red', 'blue'] },
    minItems: 1,
    maxItems: 3,
    uniqueItems: true,
    additionalItems: false,
    readonly: false,
  }

  await check('POST of a property: 201, GET of it: 200 with every field', async () => {
    expectStatus(await admin.api.post(properties, full), 201)
    const shown = expectStatus(await admin.api.get(`${properties}/colour`), 200)
    for (const [key, value] of Object.entries(full)) expectField(shown, [key], value)
    for (const key of ['minimum', 'pattern', 'default', 'required']) expectField(shown, [key], undefined)
  })
  await check('numbers and lengths of a property are kept', async () => {
    const number = { name: 'width', title: 'Width', type: 'integer', minimum: 1, maximum: 9, default: '3' }
    expectStatus(await admin.api.post(properties, number), 201)
    const shown = expectStatus(await admin.api.get(`${properties}/width`), 200)
    for (const [key, value] of Object.entries(number)) expectField(shown, [key], value)
    const text = { name: 'text', title: 'T', type: 'string', minLength: 1, maxLength: 2, pattern: '^a', enum: ['a'] }
    const made = expectStatus(await admin.api.post(properties, text), 201)
    for (const [key, value] of Object.entries(text)) expectField(made, [key], value)
  })
  await own('a default that is a list is kept', async () => {
    expectStatus(await admin.api.post(properties, { name: 'many', ...property, type: 'array', default: ['a'] }), 201)
    expectField(await admin.api.get(`${properties}/many`), ['default'], ['a'])
  })
  await check('GET of all: an object by their names, without a schema', async () => {
    const all = expectStatus(await admin.api.get(properties), 200)
    expectEqual(stringAt(all.json, 'properties', 'width', 'title'), 'Width', 'the title')
    expectEqual(Object.keys(objectAt(all.json)), ['properties'], 'the keys of the answer')
  })
  const bad: readonly { what: string; body: Json; status: number }[] = [
    { what: 'no name', body: property, status: 400 },
    { what: 'no title', body: { name: 'x', type: 'string' }, status: 400 },
    { what: 'no type', body: { name: 'x', title: 'X' }, status: 400 },
    { what: 'an unknown type', body: { name: 'x', title: 'X', type: 'text' }, status: 400 },
    { what: 'a name of 81 characters', body: { ...property, name: 'x'.repeat(81) }, status: 400 },
    { what: 'an unknown key', body: { ...property, name: 'x', colour: 'red' }, status: 400 },
    { what: 'a negative length', body: { ...property, name: 'x', minLength: -1 }, status: 400 },
    { what: 'a text as minimum', body: { ...property, name: 'x', minimum: '1' }, status: 400 },
    { what: 'a name that is taken', body: { ...property, name: 'colour' }, status: 409 },
  ]
  for (const { what, body, status } of bad) {
    await check(`POST of a property with ${what}: ${status}`, async () => {
      expectStatus(await admin.api.post(properties, body), status)
    })
  }
  await check('GET with resource_type takes the name with its prefix', async () => {
    const asked = (name: string, type: string) =>
      admin.api.get(`${properties}/${name}?resource_type=${encodeURIComponent(type)}`)
    expectField(expectStatus(await asked('acme_width', 'OS::Glance::Image'), 200), ['title'], 'Width')
    expectStatus(await asked('width', 'OS::Glance::Image'), 404)
    expectStatus(await asked('acme_nothing', 'OS::Glance::Image'), 404)
    expectStatus(await asked('acme_width', 'OS::Nova::Flavor'), 404)
  })
  await check('PUT of a property replaces and renames it', async () => {
    expectStatus(await admin.api.put(`${properties}/text`, { ...property, name: 'width' }), 409)
    const changed = expectStatus(await admin.api.put(`${properties}/text`, { ...property, name: 'word' }), 200)
    expectField(changed, ['name'], 'word')
    expectField(await admin.api.get(`${properties}/word`), ['pattern'], undefined)
    expectStatus(await admin.api.get(`${properties}/text`), 404)
    expectStatus(await admin.api.put(`${properties}/text`, { ...property, name: 'other' }), 404)
  })
  await check('DELETE of a property: 204, then 404; of all: 204, then none', async () => {
    expectStatus(await admin.api.delete(`${properties}/word`), 204)
    expectStatus(await admin.api.delete(`${properties}/word`), 404)
    expectStatus(await admin.api.delete(properties), 204)
    expectField(await admin.api.get(properties), ['properties'], {})
  })
}

const tagNames = (json: Json | undefined): string[] => listAt(json, 'tags').map((tag) => stringAt(tag, 'name'))

const runTagLists = async (scene: Scene): Promise<void> => {
  const { admin } = scene.actors
  const { check, own } = scene
  const tags = `${namespacePath(await makeNamespace(scene))}/tags`
  const set = (names: readonly string[], headers: Record<string, string> = {}) =>
    admin.api.post(tags, { tags: names.map((name) => ({ name })) }, { headers })
  const all = async (query = ''): Promise<string[]> =>
    tagNames(expectStatus(await admin.api.get(`${tags}${query}`), 200).json)

  await check('POST of tags replaces all of them', async () => {
    expectStatus(await set(['old']), 201)
    const answer = expectStatus(await set(['b', 'c', 'a']), 201)
    expectEqual(at(answer.json, 'tags'), [{ name: 'b' }, { name: 'c' }, { name: 'a' }], 'the answer')
    expectEqual((await all()).sort(), ['a', 'b', 'c'], 'the tags')
  })
  await check('with X-Openstack-Append it adds them, and answers with those alone', async () => {
    const answer = expectStatus(await set(['d'], { 'X-Openstack-Append': 'True' }), 201)
    expectEqual(tagNames(answer.json), ['d'], 'the answer')
    expectEqual((await all()).sort(), ['a', 'b', 'c', 'd'], 'the tags')
  })
  await check('tags by name, from a marker on, so many', async () => {
    expectEqual(await all('?sort_key=name&sort_dir=asc&limit=2'), ['a', 'b'], 'the first two')
    expectEqual(await all('?sort_key=name&sort_dir=asc&limit=2&marker=b'), ['c', 'd'], 'the next two')
    expectEqual(await all('?sort_key=name&sort_dir=asc&limit=2&marker=d'), [], 'after the last')
    expectEqual(await all('?sort_key=name'), ['d', 'c', 'b', 'a'], 'from the end')
  })
  await check('tags with a marker that is not there: 404; a bad limit or order: 400', async () => {
    expectStatus(await admin.api.get(`${tags}?marker=nothing`), 404)
    for (const query of ['limit=-1', 'limit=x', 'sort_dir=up']) {
      expectStatus(await admin.api.get(`${tags}?${query}`), 400)
    }
  })
  await check('POST of a tag twice in a list: 409, and nothing changes', async () => {
    expectStatus(await set(['x', 'x']), 409)
    expectEqual((await all()).sort(), ['a', 'b', 'c', 'd'], 'the tags')
  })
  await check('adding a tag that is there: 409', async () => {
    expectStatus(await set(['e', 'a'], { 'X-Openstack-Append': 'True' }), 409)
    expectEqual((await all()).sort(), ['a', 'b', 'c', 'd'], 'the tags')
  })
  await check('POST of tags with extra keys, or of no list: 400', async () => {
    expectStatus(await admin.api.post(tags, { tags: [{ name: 'x', colour: 'red' }] }), 400)
    expectStatus(await admin.api.post(tags, { tags: 'x' }), 400)
    expectStatus(await admin.api.post(tags, { tags: [{ name: 'x'.repeat(81) }] }), 400)
  })
  await own('POST of no tags takes all away', async () => {
    expectStatus(await set([]), 201)
    expectEqual(await all(), [], 'the tags')
  })
  await check('DELETE of all tags: 204, then none', async () => {
    expectStatus(await set(['a', 'b']), 201)
    expectStatus(await admin.api.delete(tags), 204)
    expectEqual(await all(), [], 'the tags')
  })
}

const runTags = async (scene: Scene): Promise<void> => {
  const { admin } = scene.actors
  const { check, own } = scene
  const tags = `${namespacePath(await makeNamespace(scene))}/tags`

  await check('POST of one tag: 201, GET: 200', async () => {
    const made = expectStatus(await admin.api.post(`${tags}/Wet`), 201)
    expectEqual(Object.keys(objectAt(made.json)).sort(), ['created_at', 'name', 'updated_at'], 'the keys')
    expectField(made, ['name'], 'Wet')
    expectField(expectStatus(await admin.api.get(`${tags}/Wet`), 200), ['name'], 'Wet')
  })
  await check('POST of one tag that is there: 409', async () => {
    expectStatus(await admin.api.post(`${tags}/Wet`), 409)
  })
  await own('the same in other letters: 409', async () => {
    expectStatus(await admin.api.post(`${tags}/WET`), 409)
  })
  await check('POST of a tag of 81 characters: 400, of 80: 201', async () => {
    expectStatus(await admin.api.post(`${tags}/${'x'.repeat(81)}`), 400)
    expectStatus(await admin.api.post(`${tags}/${'x'.repeat(80)}`), 201)
  })
  await check('POST, GET and DELETE of one tag with a body: 400', async () => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      expectStatus(await admin.api.send(method, `${tags}/Wet`, { json: { name: 'x' } }), 400)
    }
  })
  await check('PUT renames a tag', async () => {
    expectStatus(await admin.api.post(`${tags}/Dry`), 201)
    expectStatus(await admin.api.put(`${tags}/Dry`, { name: 'Wet' }), 409)
    expectStatus(await admin.api.put(`${tags}/Dry`, { colour: 'red' }), 400)
    expectField(expectStatus(await admin.api.put(`${tags}/Dry`, { name: 'Damp' }), 200), ['name'], 'Damp')
    expectStatus(await admin.api.get(`${tags}/Dry`), 404)
    expectStatus(await admin.api.put(`${tags}/Dry`, { name: 'Other' }), 404)
  })
  await check('DELETE of a tag: 204, then 404', async () => {
    expectStatus(await admin.api.delete(`${tags}/Damp`), 204)
    expectStatus(await admin.api.delete(`${tags}/Damp`), 404)
    expectStatus(await admin.api.get(`${tags}/Damp`), 404)
  })
}

const runResourceTypes = async (scene: Scene): Promise<void> => {
  const { admin, stranger } = scene.actors
  const { check } = scene
  const name = await makeNamespace(scene)
  const types = `${namespacePath(name)}/resource_types`
  const fresh = `${name}::Thing`

  await check('POST of a resource type makes it and the association: 201', async () => {
    const body = { name: fresh, prefix: 'x_', properties_target: 'image' }
    const made = expectStatus(await admin.api.post(types, body), 201)
    for (const [key, value] of Object.entries(body)) expectField(made, [key], value)
    const listed = expectStatus(await admin.api.get(types), 200)
    const [entry] = listAt(listed.json, 'resource_type_associations')
    for (const [key, value] of Object.entries(body)) expectEqual(at(entry, key), value, key)
    expectMatch(stringAt(entry, 'created_at'), timeForm, 'created_at')
    const all = expectStatus(await stranger.api.get('/v2/metadefs/resource_types'), 200)
    const names = listAt(all.json, 'resource_types').map((type) => stringAt(type, 'name'))
    expectEqual(names.includes(fresh), true, 'the type in the list of all')
  })
  await check('POST of one that is associated: 409; of a name alone: 201', async () => {
    expectStatus(await admin.api.post(types, { name: fresh }), 409)
    expectStatus(await admin.api.post(types, { name: 'OS::Glance::Image' }), 201)
  })
  for (const body of [{}, { name: 'x'.repeat(81) }, { name: 'x', colour: 'red' }, { name: 'x', prefix: 1 }]) {
    await checker(scene, false)(`POST of the resource type ${JSON.stringify(body).slice(0, 40)}: 400`, async () => {
      expectStatus(await admin.api.post(types, body), 400)
    })
  }
  await check('DELETE of an association, percent-encoded: 204, then 404; the type stays', async () => {
    const path = `${types}/${encodeURIComponent(fresh)}`
    expectStatus(await admin.api.delete(path), 204)
    expectStatus(await admin.api.delete(path), 404)
    const all = await admin.api.get('/v2/metadefs/resource_types')
    const names = listAt(all.json, 'resource_types').map((type) => stringAt(type, 'name'))
    expectEqual(names.includes(fresh), true, 'the type in the list of all')
  })
}

export const metadefsObjects: Group = { name: 'metadef objects', run: runObjects }
export const metadefsProperties: Group = { name: 'metadef properties', run: runProperties }
export const metadefsTags: Group = {
  name: 'metadef tags',
  run: async (scene) => {
    await runTags(scene)
    await runTagLists(scene)
  },
}
export const metadefsResourceTypes: Group = { name: 'metadef resource types', run: runResourceTypes }
