import { collection, link, type SchemaDocument } from './schema-document.ts'

// JSON's null stands in this list although `type` is a string: that is how the published document reads.
const propertyTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string', null]

const text = (maxLength: number, description: string) => ({ type: 'string', maxLength, description })
const time = (description: string) => ({ type: 'string', readOnly: true, format: 'date-time', description })
const path = (description: string) => ({ type: 'string', readOnly: true, description })
const ref = (name: string) => ({ $ref: `#/definitions/${name}` })

const times = {
  created_at: time('When it was created (UTC).'),
  updated_at: time('When it last changed (UTC).'),
}

/** What a property definition may say about the values of the property. */
const propertyKeys = {
  title: { type: 'string', description: 'Name of the property for people.' },
  description: { type: 'string', description: 'What the property means.' },
  operators: {
    type: 'array',
    items: { type: 'string' },
    description: 'Operators that a request may use with the property.',
  },
  type: { type: 'string', enum: propertyTypes, description: 'JSON type of the value.' },
  required: ref('stringArray'),
  minimum: { type: 'number', description: 'Smallest number.' },
  maximum: { type: 'number', description: 'Largest number.' },
  maxLength: ref('positiveInteger'),
  minLength: ref('positiveIntegerDefault0'),
  pattern: { type: 'string', format: 'regex', description: 'Regular expression that a string must match.' },
  enum: { type: 'array', description: 'The only values allowed.' },
  readonly: { type: 'boolean', description: 'Whether the value is set by the service alone.' },
  default: { description: 'Value when none is given.' },
  items: {
    type: 'object',
    properties: { type: { type: 'string', enum: propertyTypes }, enum: { type: 'array' } },
    description: 'What the elements of an array are.',
  },
  maxItems: ref('positiveInteger'),
  minItems: ref('positiveIntegerDefault0'),
  uniqueItems: { type: 'boolean', default: false, description: 'Whether an element may stand in an array only once.' },
  additionalItems: { type: 'boolean', description: 'Whether an array may hold more than its items say.' },
}

const integerDefinitions = {
  positiveInteger: { type: 'integer', minimum: 0 },
  positiveIntegerDefault0: { allOf: [ref('positiveInteger'), { default: 0 }] },
}
const stringArray = { type: 'array', items: { type: 'string' }, uniqueItems: true }

const propertyDefinitions = { ...integerDefinitions, stringArray: { ...stringArray, minItems: 1 } }

const definitions = {
  ...integerDefinitions,
  stringArray,
  property: {
    type: 'object',
    additionalProperties: {
      type: 'object',
      required: ['title', 'type'],
      properties: { name: text(80, 'Name of the property.'), ...propertyKeys },
    },
  },
}

const namespace = {
  name: 'namespace',
  properties: {
    namespace: text(80, 'Name of the namespace, unique in the service.'),
    display_name: text(80, 'Name of the namespace for people.'),
    description: text(500, 'What the namespace is for.'),
    visibility: { type: 'string', enum: ['public', 'private'], description: 'Who can see the namespace.' },
    protected: { type: 'boolean', description: 'A protected namespace cannot be deleted.' },
    owner: text(255, 'Project that owns the namespace.'),
    ...times,
    schema: path('Path of the schema of this document.'),
    self: path('Path of the namespace.'),
    resource_type_associations: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, prefix: { type: 'string' }, properties_target: { type: 'string' } },
      },
    },
    properties: ref('property'),
    objects: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          description: { type: 'string' },
          required: ref('stringArray'),
          properties: ref('property'),
        },
      },
    },
    tags: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
  },
  additionalProperties: false,
  required: ['namespace'],
}

const resourceTypeAssociation = {
  name: 'resource_type_association',
  properties: {
    name: text(80, 'Name of the resource type.'),
    prefix: text(80, 'Put before the names of the properties on resources of this type.'),
    properties_target: text(80, 'Which part of a resource the properties belong to, where it has several.'),
    ...times,
  },
  additionalProperties: false,
  required: ['name'],
}

const property = {
  name: 'property',
  properties: { name: text(80, 'Name of the property.'), ...propertyKeys },
  additionalProperties: false,
  required: ['type', 'title', 'name'],
}

const object = {
  name: 'object',
  properties: {
    name: text(80, 'Name of the object.'),
    description: { type: 'string', description: 'What the object describes.' },
    required: ref('stringArray'),
    properties: ref('property'),
    schema: path('Path of the schema of this document.'),
    self: path('Path of the object.'),
    ...times,
  },
  additionalProperties: false,
  required: ['name'],
}

const tag = {
  name: 'tag',
  properties: { name: text(80, 'Name of the tag.'), ...times },
  additionalProperties: false,
  required: ['name'],
}

/** The one collection that is an object: its properties stand below their names, so no item needs a `name`. */
const properties: SchemaDocument = {
  name: 'properties',
  properties: {
    properties: { type: 'object', additionalProperties: { ...property, required: ['type', 'title'] } },
    first: { type: 'string' },
    next: { type: 'string' },
    schema: { type: 'string' },
  },
  links: [link('first'), link('next'), link('describedby', 'schema')],
  definitions: propertyDefinitions,
}

/** The schema documents of the metadata definitions, by their path below `/v2/schemas/`. */
export const metadefSchemaDocuments: Readonly<Record<string, SchemaDocument>> = {
  'metadefs/namespace': { ...namespace, definitions },
  'metadefs/namespaces': { ...collection('namespaces', namespace, true), definitions },
  'metadefs/resource_type': resourceTypeAssociation,
  'metadefs/resource_types': collection('resource_type_associations', resourceTypeAssociation, true),
  'metadefs/property': { ...property, definitions: propertyDefinitions },
  'metadefs/properties': properties,
  'metadefs/object': { ...object, definitions },
  'metadefs/objects': { ...collection('objects', object, true), definitions },
  'metadefs/tag': tag,
  'metadefs/tags': collection('tags', tag, true),
}
