import { collection, type Schema, string } from './schema-parts.ts'

const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` })
const time = string({ readOnly: true, format: 'date-time' })
const path = string({ readOnly: true })
const types = ['array', 'boolean', 'integer', 'number', 'object', 'string', null]

const property: Schema = {
  name: string({ maxLength: 80 }),
  title: string(),
  description: string(),
  operators: { type: 'array', items: string() },
  type: string({ enum: types }),
  required: ref('stringArray'),
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  maxLength: ref('positiveInteger'),
  minLength: ref('positiveIntegerDefault0'),
  pattern: string({ format: 'regex' }),
  enum: { type: 'array' },
  readonly: { type: 'boolean' },
  default: {},
  items: { type: 'object', properties: { type: string({ enum: types }), enum: { type: 'array' } } },
  maxItems: ref('positiveInteger'),
  minItems: ref('positiveIntegerDefault0'),
  uniqueItems: { type: 'boolean', default: false },
  additionalItems: { type: 'boolean' },
}

const integers: Schema = {
  positiveInteger: { type: 'integer', minimum: 0 },
  positiveIntegerDefault0: { allOf: [ref('positiveInteger'), { default: 0 }] },
}
const strings: Schema = { type: 'array', items: string(), uniqueItems: true }
const definitions: Schema = {
  ...integers,
  stringArray: strings,
  property: {
    type: 'object',
    additionalProperties: { type: 'object', required: ['title', 'type'], properties: property },
  },
}
const propertyDefinitions: Schema = { ...integers, stringArray: { ...strings, minItems: 1 } }

const closed = (name: string, required: string[], properties: Schema): Schema => ({
  name,
  properties,
  additionalProperties: false,
  required,
})

const namespace = closed('namespace', ['namespace'], {
  namespace: string({ maxLength: 80 }),
  display_name: string({ maxLength: 80 }),
  description: string({ maxLength: 500 }),
  visibility: string({ enum: ['public', 'private'] }),
  protected: { type: 'boolean' },
  owner: string({ maxLength: 255 }),
  created_at: time,
  updated_at: time,
  schema: path,
  self: path,
  resource_type_associations: {
    type: 'array',
    items: { type: 'object', properties: { name: string(), prefix: string(), properties_target: string() } },
  },
  properties: ref('property'),
  objects: {
    type: 'array',
    items: {
      type: 'object',
      properties: { name: string(), description: string(), required: ref('stringArray'), properties: ref('property') },
    },
  },
  tags: { type: 'array', items: { type: 'object', properties: { name: string() } } },
})

const resourceType = closed('resource_type_association', ['name'], {
  name: string({ maxLength: 80 }),
  prefix: string({ maxLength: 80 }),
  properties_target: string({ maxLength: 80 }),
  created_at: time,
  updated_at: time,
})

const object = closed('object', ['name'], {
  name: string({ maxLength: 80 }),
  description: string(),
  required: ref('stringArray'),
  properties: ref('property'),
  schema: path,
  self: path,
  created_at: time,
  updated_at: time,
})

const tag = closed('tag', ['name'], { name: string({ maxLength: 80 }), created_at: time, updated_at: time })

const properties = collection('properties', {}, true)

/** The schemas of metadata definitions, by their path. In the list of properties the name is the key. */
export const metadefSchemas: { [path: string]: Schema } = {
  'metadefs/namespace': { ...namespace, definitions },
  'metadefs/namespaces': { ...collection('namespaces', namespace, true), definitions },
  'metadefs/resource_type': resourceType,
  'metadefs/resource_types': collection('resource_type_associations', resourceType, true),
  'metadefs/property': {
    ...closed('property', ['type', 'title', 'name'], property),
    definitions: propertyDefinitions,
  },
  'metadefs/properties': {
    ...properties,
    properties: {
      properties: { type: 'object', additionalProperties: closed('property', ['type', 'title'], property) },
      first: string(),
      next: string(),
      schema: string(),
    },
    definitions: propertyDefinitions,
  },
  'metadefs/object': { ...object, definitions },
  'metadefs/objects': { ...collection('objects', object, true), definitions },
  'metadefs/tag': tag,
  'metadefs/tags': collection('tags', tag, true),
}
