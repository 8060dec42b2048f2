import Type from 'typebox'
import { metadefPropertyTypes, metadefVisibilities } from './words.ts'

/** Metadata definitions: what properties of images and other resources mean (docs/reference/metadefs.md). */

const listMax = 1000

const name = (description: string) => Type.String({ minLength: 1, maxLength: 80, description })
const texts = (description: string) => Type.Array(Type.String(), { maxItems: listMax, description })
const anything = (description: string) => Type.Array(Type.Unknown(), { maxItems: listMax, description })
const count = (description: string) => Type.Integer({ minimum: 0, description })
const propertyType = () => Type.Enum(metadefPropertyTypes, { type: 'string', description: 'JSON type of the value.' })

const times = {
  created_at: Type.String({ description: 'When it was made (UTC).' }),
  updated_at: Type.String({ description: 'When it last changed (UTC).' }),
}
const links = {
  self: Type.String({ description: 'Path of this document.' }),
  schema: Type.String({ description: 'Path of its schema.' }),
}

const strict = { additionalProperties: false }

const definition = {
  title: Type.String({ description: 'Name of the property for people.' }),
  type: propertyType(),
  description: Type.Optional(Type.String({ description: 'What the property means.' })),
  operators: Type.Optional(texts('Operators that a request may use with the property.')),
  required: Type.Optional(texts('Names that a value of the type object must have.')),
  minimum: Type.Optional(Type.Number({ description: 'Smallest number.' })),
  maximum: Type.Optional(Type.Number({ description: 'Largest number.' })),
  minLength: Type.Optional(count('Fewest characters of a string.')),
  maxLength: Type.Optional(count('Most characters of a string.')),
  pattern: Type.Optional(Type.String({ description: 'Regular expression that a string must match.' })),
  enum: Type.Optional(anything('The only values allowed.')),
  items: Type.Optional(
    Type.Object(
      { type: Type.Optional(propertyType()), enum: Type.Optional(anything('The only elements allowed.')) },
      { ...strict, description: 'What the elements of an array are.' },
    ),
  ),
  minItems: Type.Optional(count('Fewest elements of an array.')),
  maxItems: Type.Optional(count('Most elements of an array.')),
  uniqueItems: Type.Optional(Type.Boolean({ description: 'Whether an element may stand in an array only once.' })),
  additionalItems: Type.Optional(Type.Boolean({ description: 'Whether an array may hold more than `items` says.' })),
  default: Type.Optional(Type.Unknown({ description: 'Value when none is given.' })),
  readonly: Type.Optional(Type.Boolean({ description: 'Whether only the service sets the value.' })),
}

/** A property by itself, with its name: `POST .../properties`, and every answer about one. */
export const MetadefPropertySchema = Type.Object({ name: name('Name of the property.'), ...definition }, strict)
export type MetadefPropertyDocument = Type.Static<typeof MetadefPropertySchema>

/** A property under its name in a map. */
export const MetadefDefinitionSchema = Type.Object(
  { name: Type.Optional(Type.String({ maxLength: 80, description: 'Its name again.' })), ...definition },
  strict,
)
export type MetadefDefinition = Type.Static<typeof MetadefDefinitionSchema>

const propertyMap = () =>
  Type.Record(Type.String(), MetadefDefinitionSchema, { description: 'Properties by their names.' })

/** `GET .../properties`. */
export const MetadefPropertiesSchema = Type.Object({ properties: propertyMap() })

const objectFields = {
  name: name('Name of the object.'),
  description: Type.Optional(Type.String({ description: 'What the object describes.' })),
  required: Type.Optional(texts('Names of the properties that must be given together.')),
  properties: Type.Optional(propertyMap()),
}

/** `POST .../objects`, and `PUT` of one. */
export const MetadefObjectWriteSchema = Type.Object(objectFields, strict)
export type MetadefObjectWrite = Type.Static<typeof MetadefObjectWriteSchema>

export const MetadefObjectSchema = Type.Object({
  ...objectFields,
  required: texts('Names of the properties that must be given together.'),
  properties: propertyMap(),
  ...times,
  ...links,
})
export type MetadefObjectDocument = Type.Static<typeof MetadefObjectSchema>
/** `GET .../objects`. */
export const MetadefObjectsSchema = Type.Object({ objects: Type.Array(MetadefObjectSchema), schema: links.schema })

/** `PUT .../tags/{tag}`, and one of a list of tags. */
export const MetadefTagWriteSchema = Type.Object({ name: name('Name of the tag.') }, strict)
/** `POST .../tags`. */
export const MetadefTagsWriteSchema = Type.Object(
  { tags: Type.Array(MetadefTagWriteSchema, { maxItems: listMax }) },
  strict,
)
export const MetadefTagSchema = Type.Object({ ...MetadefTagWriteSchema.properties, ...times })
export type MetadefTagDocument = Type.Static<typeof MetadefTagSchema>
/** `GET .../tags`. */
export const MetadefTagsSchema = Type.Object({ tags: Type.Array(Type.Object(MetadefTagWriteSchema.properties)) })

const associationFields = {
  name: name('Name of the resource type.'),
  prefix: Type.Optional(
    Type.String({ maxLength: 80, description: 'Put before the names of the properties on resources of the type.' }),
  ),
  properties_target: Type.Optional(
    Type.String({ maxLength: 80, description: 'Part of a resource that the properties belong to.' }),
  ),
}

/** `POST .../resource_types`. */
export const MetadefAssociationWriteSchema = Type.Object(associationFields, strict)
export type MetadefAssociationWrite = Type.Static<typeof MetadefAssociationWriteSchema>
export const MetadefAssociationSchema = Type.Object({ ...associationFields, ...times })
export type MetadefAssociationDocument = Type.Static<typeof MetadefAssociationSchema>
/** `GET .../resource_types` of a namespace. */
export const MetadefAssociationsSchema = Type.Object({
  resource_type_associations: Type.Array(MetadefAssociationSchema),
})

/** `GET /v2/metadefs/resource_types`. */
export const MetadefResourceTypesSchema = Type.Object({
  resource_types: Type.Array(Type.Object({ name: Type.String(), ...times })),
})
export type MetadefResourceTypeDocument = Type.Static<typeof MetadefResourceTypesSchema>['resource_types'][number]

const namespaceFields = {
  namespace: name('Name of the namespace, unique in the service.'),
  display_name: Type.Optional(Type.String({ maxLength: 80, description: 'Its name for people.' })),
  description: Type.Optional(Type.String({ maxLength: 500, description: 'What it is for.' })),
  visibility: Type.Optional(
    Type.Enum(metadefVisibilities, { type: 'string', default: 'private', description: 'Who sees it.' }),
  ),
  protected: Type.Optional(
    Type.Boolean({ default: false, description: 'Whether it and what is in it are kept from being deleted.' }),
  ),
  owner: Type.Optional(Type.String({ maxLength: 255, description: 'Project that it belongs to.' })),
}

/** `POST /v2/metadefs/namespaces`, and `PUT` of one, which leaves the nested parts alone. */
export const MetadefNamespaceWriteSchema = Type.Object(
  {
    ...namespaceFields,
    resource_type_associations: Type.Optional(Type.Array(MetadefAssociationWriteSchema, { maxItems: listMax })),
    properties: Type.Optional(propertyMap()),
    objects: Type.Optional(Type.Array(MetadefObjectWriteSchema, { maxItems: listMax })),
    tags: Type.Optional(Type.Array(MetadefTagWriteSchema, { maxItems: listMax })),
  },
  strict,
)
export type MetadefNamespaceWrite = Type.Static<typeof MetadefNamespaceWriteSchema>

export const MetadefNamespaceSchema = Type.Object({
  ...namespaceFields,
  visibility: Type.Enum(metadefVisibilities, { type: 'string', description: 'Who sees it.' }),
  protected: Type.Boolean({ description: 'Whether it and what is in it are kept from being deleted.' }),
  ...times,
  ...links,
  resource_type_associations: Type.Optional(Type.Array(MetadefAssociationSchema)),
  properties: Type.Optional(propertyMap()),
  objects: Type.Optional(Type.Array(MetadefObjectSchema)),
  tags: Type.Optional(Type.Array(MetadefTagWriteSchema)),
})
export type MetadefNamespaceDocument = Type.Static<typeof MetadefNamespaceSchema>

/** `GET /v2/metadefs/namespaces`: of the parts, only the associations. */
export const MetadefNamespacesSchema = Type.Object({
  namespaces: Type.Array(Type.Omit(MetadefNamespaceSchema, ['properties', 'objects', 'tags'])),
  first: Type.String({ description: 'Path of the first page.' }),
  next: Type.Optional(Type.String({ description: 'Path of the next page, if there may be one.' })),
  schema: links.schema,
})
