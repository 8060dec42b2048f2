import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadefSchemaDocuments } from './metadef-schemas.ts'

/** What a client's code depends on: path, name, top-level keys, required, closed or open. */
const shapes: [path: string, name: string, keys: string, required: string[] | undefined][] = [
  ['namespace', 'namespace', 'additionalProperties definitions name properties required', ['namespace']],
  ['namespaces', 'namespaces', 'definitions links name properties', undefined],
  ['resource_type', 'resource_type_association', 'additionalProperties name properties required', ['name']],
  ['resource_types', 'resource_type_associations', 'links name properties', undefined],
  ['property', 'property', 'additionalProperties definitions name properties required', ['type', 'title', 'name']],
  ['properties', 'properties', 'definitions links name properties', undefined],
  ['object', 'object', 'additionalProperties definitions name properties required', ['name']],
  ['objects', 'objects', 'definitions links name properties', undefined],
  ['tag', 'tag', 'additionalProperties name properties required', ['name']],
  ['tags', 'tags', 'links name properties', undefined],
]

const documentAt = (path: string) => {
  const document = metadefSchemaDocuments[`metadefs/${path}`]
  assert.ok(document, `no document metadefs/${path}`)
  return document
}

/** Every value of `key` anywhere inside `value`. */
const collect = (value: unknown, key: string): unknown[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => [...(name === key ? [inner] : []), ...collect(inner, key)])
    : []

test('there is a document for each path and for no other', () => {
  assert.deepEqual(Object.keys(metadefSchemaDocuments).sort(), shapes.map(([path]) => `metadefs/${path}`).sort())
})

for (const [path, name, keys, required] of shapes)
  test(`metadefs/${path} is named ${name} and has the keys of its kind`, () => {
    const document = documentAt(path)
    assert.equal(document.name, name)
    assert.equal(Object.keys(document).sort().join(' '), keys)
    assert.deepEqual(document.required, required)
    if (required) assert.equal(document.additionalProperties, false)
  })

test('every reference leads to a definition of its own document', () => {
  for (const [path, document] of Object.entries(metadefSchemaDocuments))
    for (const target of collect(document, '$ref'))
      assert.ok(
        typeof target === 'string' && target.replace('#/definitions/', '') in (document.definitions ?? {}),
        `${path}: ${String(target)} leads nowhere`,
      )
})

test('definitions stand at the top only, also in collections', () => {
  for (const [path, document] of Object.entries(metadefSchemaDocuments))
    assert.equal(collect(document.properties, 'definitions').length, 0, path)
})

test('collections link to their pages and to their schema', () => {
  const links = ['first', 'next', 'describedby'].map((rel) => ({
    rel,
    href: rel === 'describedby' ? '{schema}' : `{${rel}}`,
  }))
  for (const path of ['namespaces', 'resource_types', 'properties', 'objects', 'tags'])
    assert.deepEqual(documentAt(path).links, links)
})

test('the properties of a collection stand below their names, so an item needs no name', () => {
  const { properties } = documentAt('properties').properties
  const { properties: item } = documentAt('property')
  assert.deepEqual(properties, {
    type: 'object',
    additionalProperties: {
      name: 'property',
      properties: item,
      additionalProperties: false,
      required: ['type', 'title'],
    },
  })
})

test('only the documents of properties want at least one string in a string array', () => {
  for (const path of ['property', 'properties'])
    assert.deepEqual(collect(documentAt(path).definitions, 'minItems'), [1], path)
  for (const path of ['namespace', 'object'])
    assert.deepEqual(documentAt(path).definitions?.stringArray, {
      type: 'array',
      items: { type: 'string' },
      uniqueItems: true,
    })
})
