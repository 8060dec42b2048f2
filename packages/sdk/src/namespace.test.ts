import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scripted } from '../test/fake-fetch.ts'
import { ConflictError, ForbiddenError, InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { type JsonObject, parseJson } from './json.ts'

const times = { created_at: '2026-03-01T00:00:00Z', updated_at: '2026-03-02T00:00:00Z' }
const colour = { title: 'Colour', type: 'string', enum: ['red', 'blue'], minLength: 1 }

const namespaceDocument = (changes: JsonObject = {}): JsonObject => ({
  namespace: 'Acme::Paint',
  visibility: 'public',
  protected: false,
  owner: 'operator',
  ...times,
  self: '/v2/metadefs/namespaces/Acme::Paint',
  schema: '/v2/schemas/metadefs/namespace',
  ...changes,
})

const objectDocument = (changes: JsonObject = {}): JsonObject => ({
  name: 'Coat',
  required: ['colour'],
  properties: { colour },
  ...times,
  self: '/v2/metadefs/namespaces/Acme::Paint/objects/Coat',
  schema: '/v2/schemas/metadefs/object',
  ...changes,
})

const whole = namespaceDocument({
  display_name: 'Paint',
  resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_', ...times }],
  properties: { colour, schema: { title: 'Schema', type: 'string' } },
  objects: [objectDocument()],
  tags: [{ name: 'Wet' }],
})

/** A namespace, and what the service answers to the calls after. */
const withNamespace = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: whole }, ...script)
  const namespace = await cloud.images.getNamespace('Acme::Paint')
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])
  return { ...cloud, namespace, asked }
}

const path = '/v2/metadefs/namespaces/Acme%3A%3APaint'

test('namespaces are listed page by page, and one is read with all that is in it', async () => {
  const next = '/v2/metadefs/namespaces?limit=1&marker=Acme%3A%3APaint'
  const { images, requests } = scripted(
    {},
    { json: { namespaces: [namespaceDocument()], first: '/v2/metadefs/namespaces?limit=1', next } },
    {
      json: { namespaces: [namespaceDocument({ namespace: 'Other', owner: null })], first: '/v2/metadefs/namespaces' },
    },
    { json: whole },
  )
  const filter = { resourceTypes: ['OS::Glance::Image', 'OS::Nova::Flavor'], sortKey: 'namespace' }
  const listed = await images.listNamespaces(filter, { pageSize: 1 }).toArray()
  assert.deepEqual(
    listed.map((one) => [one.namespace, one.owner, one.displayName, one.objects]),
    [
      ['Acme::Paint', 'operator', null, []],
      ['Other', null, null, []],
    ],
  )
  const one = await images.getNamespace('Acme::Paint', { resourceType: 'OS::Glance::Image' })
  assert.deepEqual(Object.keys(one.properties), ['colour', 'schema'])
  assert.deepEqual(one.resourceTypeAssociations[0]?.prefix, 'acme_')
  assert.deepEqual([one.objects[0]?.required, one.tags], [['colour'], [{ name: 'Wet' }]])
  assert.deepEqual(
    requests.map(({ path: asked }) => asked),
    [
      '/v2/metadefs/namespaces?resource_types=OS%3A%3AGlance%3A%3AImage%2COS%3A%3ANova%3A%3AFlavor&sort_key=namespace&limit=1',
      next,
      `${path}?resource_type=OS%3A%3AGlance%3A%3AImage`,
    ],
  )
})

test('a namespace is made with all that is in it', async () => {
  const { images, requests } = scripted({}, { status: 201, json: whole })
  await images.createNamespace({
    namespace: 'Acme::Paint',
    displayName: 'Paint',
    resourceTypes: [{ name: 'OS::Cinder::Volume', prefix: 'acme_', propertiesTarget: 'image' }],
    properties: { colour: { title: 'Colour', type: 'string', minLength: 1, description: undefined } },
    objects: [{ name: 'Coat', required: ['colour'] }],
    tags: ['Wet'],
  })
  assert.deepEqual(parseJson(requests[0]?.body ?? ''), {
    namespace: 'Acme::Paint',
    display_name: 'Paint',
    resource_type_associations: [{ name: 'OS::Cinder::Volume', prefix: 'acme_', properties_target: 'image' }],
    properties: { colour: { title: 'Colour', type: 'string', minLength: 1 } },
    objects: [{ name: 'Coat', required: ['colour'] }],
    tags: [{ name: 'Wet' }],
  })
})

test('what is exported is imported again: nothing in it that only the service sets, and every property', async () => {
  const { images, namespace, asked } = await withNamespace({ status: 201, json: whole })
  const file = namespace.export()
  await images.importNamespace(file)
  const expected = {
    namespace: 'Acme::Paint',
    visibility: 'public',
    protected: false,
    owner: 'operator',
    display_name: 'Paint',
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_' }],
    properties: { colour, schema: { title: 'Schema', type: 'string' } },
    objects: [{ name: 'Coat', required: ['colour'], properties: { colour } }],
    tags: [{ name: 'Wet' }],
  }
  assert.deepEqual(asked(), [['POST', '/v2/metadefs/namespaces', expected]])
  for (const document of [[], 'text', null, { display_name: 'x' }]) {
    await assert.rejects(images.importNamespace(document), InvalidArgumentError)
  }
})

test('a change sends the rest as it is, and knows the namespace by its new name', async () => {
  const renamed = namespaceDocument({ namespace: 'Acme::Colour' })
  const { namespace, asked } = await withNamespace({ json: renamed }, { json: renamed }, { status: 204 })
  await namespace.update({ namespace: 'Acme::Colour', displayName: null, protected: true })
  await namespace.delete()
  assert.deepEqual(asked(), [
    ['PUT', path, { namespace: 'Acme::Colour', visibility: 'public', protected: true, owner: 'operator' }],
    ['GET', '/v2/metadefs/namespaces/Acme%3A%3AColour', ''],
    ['DELETE', '/v2/metadefs/namespaces/Acme%3A%3AColour', ''],
  ])
  assert.deepEqual([namespace.namespace, namespace.properties], ['Acme::Colour', {}])
})

test('objects are made, listed, changed and deleted', async () => {
  const { namespace, asked } = await withNamespace(
    { status: 201, json: objectDocument() },
    { json: { objects: [objectDocument()], schema: '/v2/schemas/metadefs/objects' } },
    { json: objectDocument({ name: 'Layer', description: 'One of many' }) },
    { status: 204 },
    { status: 204 },
  )
  await namespace.createObject({ name: 'Coat', properties: { colour: { title: 'Colour', type: 'string' } } })
  const [object] = await namespace.listObjects().toArray()
  await object?.update({ name: 'Layer', description: 'One of many' })
  assert.deepEqual([object?.name, object?.description], ['Layer', 'One of many'])
  await object?.delete()
  await namespace.deleteObjects()
  assert.deepEqual(asked(), [
    ['POST', `${path}/objects`, { name: 'Coat', properties: { colour: { title: 'Colour', type: 'string' } } }],
    ['GET', `${path}/objects`, ''],
    [
      'PUT',
      `${path}/objects/Coat`,
      { name: 'Layer', description: 'One of many', required: ['colour'], properties: { colour } },
    ],
    ['DELETE', `${path}/objects/Layer`, ''],
    ['DELETE', `${path}/objects`, ''],
  ])
})

test('properties are made, listed, replaced and deleted', async () => {
  const { namespace, asked } = await withNamespace(
    { status: 201, json: { ...colour, name: 'colour' } },
    { json: { properties: { colour, width: { title: 'Width', type: 'integer' } } } },
    { json: { ...colour, name: 'colour' } },
    { json: { name: 'hue', title: 'Hue', type: 'number' } },
    { status: 204 },
  )
  const made = await namespace.createProperty('colour', { title: 'Colour', type: 'string' })
  assert.deepEqual([made.name, made.definition], ['colour', colour])
  const listed = await namespace.listProperties().toArray()
  assert.deepEqual(
    listed.map(({ name, definition }) => [name, definition.type]),
    [
      ['colour', 'string'],
      ['width', 'integer'],
    ],
  )
  const one = await namespace.getProperty('acme_colour', { resourceType: 'OS::Glance::Image' })
  assert.equal(one.name, 'colour')
  await one.replace({ name: 'hue', title: 'Hue', type: 'number' })
  assert.deepEqual([one.name, one.definition], ['hue', { title: 'Hue', type: 'number' }])
  await one.delete()
  assert.deepEqual(asked(), [
    ['POST', `${path}/properties`, { name: 'colour', title: 'Colour', type: 'string' }],
    ['GET', `${path}/properties`, ''],
    ['GET', `${path}/properties/acme_colour?resource_type=OS%3A%3AGlance%3A%3AImage`, ''],
    ['PUT', `${path}/properties/colour`, { name: 'hue', title: 'Hue', type: 'number' }],
    ['DELETE', `${path}/properties/hue`, ''],
  ])
})

test('tags and resource types are set, told and taken away', async () => {
  const { namespace, images, requests, asked } = await withNamespace(
    { status: 201, json: { tags: [{ name: 'a' }] } },
    { status: 201, json: { tags: [{ name: 'b' }] } },
    { json: { tags: [{ name: 'b' }, { name: 'a' }] } },
    { status: 201, json: { name: 'c', ...times } },
    { json: { name: 'd', ...times } },
    { status: 204 },
    { status: 201, json: { name: 'OS::Glance::Image', ...times } },
    { json: { resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'x', ...times }] } },
    { status: 204 },
    { json: { resource_types: [{ name: 'OS::Glance::Image', ...times }] } },
  )
  await namespace.setTags(['a'])
  await namespace.setTags(['b'], { append: true })
  assert.deepEqual(await namespace.listTags().toArray(), ['b', 'a'])
  const tag = await namespace.createTag('c')
  await tag.rename('d')
  await tag.delete()
  assert.equal((await namespace.associate({ name: 'OS::Glance::Image' })).prefix, null)
  assert.equal((await namespace.listResourceTypes().toArray())[0]?.prefix, 'x')
  await namespace.dissociate('OS::Glance::Image')
  assert.equal((await images.listResourceTypes().toArray())[0]?.name, 'OS::Glance::Image')
  assert.deepEqual(
    requests.slice(1, 3).map(({ headers }) => headers.get('x-openstack-append')),
    [null, 'True'],
  )
  assert.deepEqual(asked(), [
    ['POST', `${path}/tags`, { tags: [{ name: 'a' }] }],
    ['POST', `${path}/tags`, { tags: [{ name: 'b' }] }],
    ['GET', `${path}/tags`, ''],
    ['POST', `${path}/tags/c`, ''],
    ['PUT', `${path}/tags/c`, { name: 'd' }],
    ['DELETE', `${path}/tags/d`, ''],
    ['POST', `${path}/resource_types`, { name: 'OS::Glance::Image' }],
    ['GET', `${path}/resource_types`, ''],
    ['DELETE', `${path}/resource_types/OS%3A%3AGlance%3A%3AImage`, ''],
    ['GET', '/v2/metadefs/resource_types', ''],
  ])
})

test('refusals come in the class of their status, and documents that are no definitions are not taken for some', async () => {
  for (const [status, Class] of [
    [403, ForbiddenError],
    [409, ConflictError],
  ] as const) {
    const { namespace } = await withNamespace({ status, json: { error: { message: 'No.' } } })
    await assert.rejects(namespace.createTag('x'), Class)
  }
  const odd = [
    { ...whole, properties: { colour: { type: 'string' } } },
    { ...whole, protected: 'no' },
    { ...whole, objects: [{}] },
  ]
  for (const document of odd) {
    const { images } = scripted({}, { json: document })
    await assert.rejects(images.getNamespace('Acme::Paint'), UnexpectedResponseError)
  }
})
