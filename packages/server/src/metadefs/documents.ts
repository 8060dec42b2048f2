import type {
  MetadefAssociationDocument,
  MetadefDefinition,
  MetadefNamespaceDocument,
  MetadefObjectDocument,
  MetadefObjectWrite,
  MetadefPropertyDocument,
  MetadefResourceTypeDocument,
  MetadefTagDocument,
} from '@vitrine/contract'
import type { MetadefResourceTypesTable } from '../database/metadef-tables.ts'
import { wireDate } from '../http/json.ts'
import type { AssociationRow, NamespaceRow, PartRow, TagRow } from './queries.ts'
import { namespacePath, objectPath } from './text.ts'

/** Rows as the API shows them. What is unset is left out: clients of this part of the API know no null. */

const times = (row: { readonly created_at: number; readonly updated_at: number }) => ({
  created_at: wireDate(row.created_at),
  updated_at: wireDate(row.updated_at),
})

/** All that is in a namespace. */
export interface Parts {
  readonly associations: readonly AssociationRow[]
  readonly objects: readonly PartRow[]
  readonly properties: readonly PartRow[]
  readonly tags: readonly TagRow[]
}

export const noParts: Parts = { associations: [], objects: [], properties: [], tags: [] }

export const associationDocument = (row: AssociationRow): MetadefAssociationDocument => ({
  name: row.resource_type,
  ...(row.prefix === null ? {} : { prefix: row.prefix }),
  ...(row.properties_target === null ? {} : { properties_target: row.properties_target }),
  ...times(row),
})

export const resourceTypeDocument = (row: MetadefResourceTypesTable): MetadefResourceTypeDocument => ({
  name: row.name,
  ...times(row),
})

/** A property under its name in a map. */
const definitionOf = ({ definition }: PartRow): MetadefDefinition => JSON.parse(definition)

export const propertyDocument = (row: PartRow): MetadefPropertyDocument => ({ ...definitionOf(row), name: row.name })

export const propertyMap = (rows: readonly PartRow[]): Record<string, MetadefDefinition> =>
  Object.fromEntries(rows.map((row) => [row.name, definitionOf(row)]))

export const objectDocument = (namespace: string, row: PartRow): MetadefObjectDocument => {
  const { description, required, properties }: Omit<MetadefObjectWrite, 'name'> = JSON.parse(row.definition)
  return {
    name: row.name,
    ...(description === undefined ? {} : { description }),
    required: required ?? [],
    properties: properties ?? {},
    ...times(row),
    self: objectPath(namespace, row.name),
    schema: '/v2/schemas/metadefs/object',
  }
}

export const tagDocument = (row: TagRow): MetadefTagDocument => ({ name: row.name, ...times(row) })

export const namespaceDocument = (row: NamespaceRow, parts: Parts): MetadefNamespaceDocument => ({
  namespace: row.name,
  ...(row.display_name === null ? {} : { display_name: row.display_name }),
  ...(row.description === null ? {} : { description: row.description }),
  visibility: row.visibility,
  protected: row.protected === 1,
  ...(row.owner === null ? {} : { owner: row.owner }),
  ...times(row),
  self: namespacePath(row.name),
  schema: '/v2/schemas/metadefs/namespace',
  ...(parts.associations.length === 0
    ? {}
    : { resource_type_associations: parts.associations.map(associationDocument) }),
  ...(parts.properties.length === 0 ? {} : { properties: propertyMap(parts.properties) }),
  ...(parts.objects.length === 0 ? {} : { objects: parts.objects.map((object) => objectDocument(row.name, object)) }),
  ...(parts.tags.length === 0 ? {} : { tags: parts.tags.map(({ name }) => ({ name })) }),
})

const prefixKeys = (prefix: string, properties: Readonly<Record<string, MetadefDefinition>>) =>
  Object.fromEntries(Object.entries(properties).map(([name, property]) => [prefix + name, property]))

/** The properties of a namespace under the names that they have on resources of this type. */
export const prefixedFor = (document: MetadefNamespaceDocument, resourceType: string): MetadefNamespaceDocument => {
  const prefix = document.resource_type_associations?.find(({ name }) => name === resourceType)?.prefix
  if (prefix === undefined) return document
  const { properties, objects } = document
  return {
    ...document,
    ...(properties === undefined ? {} : { properties: prefixKeys(prefix, properties) }),
    ...(objects === undefined
      ? {}
      : {
          objects: objects.map((object) => ({
            ...object,
            required: object.required.map((name) => prefix + name),
            properties: prefixKeys(prefix, object.properties),
          })),
        }),
  }
}
