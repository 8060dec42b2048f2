import {
  MetadefAssociationWriteSchema,
  type MetadefDefinition,
  type MetadefNamespaceWrite,
  MetadefNamespaceWriteSchema,
  type MetadefObjectWrite,
  MetadefObjectWriteSchema,
  MetadefPropertySchema,
  MetadefTagsWriteSchema,
  MetadefTagWriteSchema,
  metadefReadOnlyKeys,
} from '@vitrine/contract'
import type { FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { apiError } from '../api-error.ts'
import { jsonBody } from '../http/body.ts'
import { parser } from '../http/parsed-body.ts'
import { checkName, checkTexts } from './text.ts'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What only the service sets is refused as such (403), before the rest is looked at. */
const refuseReadOnly = (body: unknown): void => {
  if (!isRecord(body)) return
  const key = metadefReadOnlyKeys.find((one) => Object.hasOwn(body, one))
  if (key !== undefined) throw apiError('read_only', { name: key })
}

const bodyOf = <Schema extends TSchema>(
  schema: Schema,
  check: (body: Static<Schema>) => void,
): ((request: FastifyRequest) => Static<Schema>) => {
  const parse = parser(schema)
  return (request) => {
    const value = jsonBody(request)
    refuseReadOnly(value)
    const body = parse(value)
    checkTexts('body', body)
    check(body)
    return body
  }
}

const duplicate = (kind: string, name: string) =>
  apiError('conflict', { why: `There are two ${kind} named ${name} in the request` })

const refuseDuplicates = (kind: string, names: readonly string[]): void => {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw duplicate(kind, name)
    seen.add(name)
  }
}

const namesOf = (items: readonly { readonly name: string }[] = []): string[] => items.map(({ name }) => name)

const checkRequired = ({ required = [] }: { readonly required?: readonly string[] | undefined }): void => {
  if (new Set(required).size < required.length) {
    throw apiError('invalid_attribute', { name: 'required', why: 'a name is in it twice' })
  }
}

const checkProperties = (properties: Readonly<Record<string, MetadefDefinition>> = {}): void => {
  for (const [name, property] of Object.entries(properties)) {
    checkRequired(property)
    if (name === '' || name.length > 80) {
      throw apiError('invalid_attribute', { name: 'properties', why: 'a name in it is empty or over 80 characters' })
    }
    checkName('property', name)
  }
}

const checkObject = (object: MetadefObjectWrite): void => {
  checkName('object', object.name)
  checkRequired(object)
  checkProperties(object.properties)
}

const checkTags = (tags: readonly { readonly name: string }[] = []): void => {
  for (const { name } of tags) checkName('tag', name)
  refuseDuplicates(
    'tags',
    namesOf(tags).map((name) => name.toLowerCase()),
  )
}

const checkNamespace = (body: MetadefNamespaceWrite): void => {
  checkName('namespace', body.namespace)
  for (const { name } of body.resource_type_associations ?? []) checkName('resource type', name)
  for (const object of body.objects ?? []) checkObject(object)
  checkProperties(body.properties)
  refuseDuplicates('resource types', namesOf(body.resource_type_associations))
  refuseDuplicates('objects', namesOf(body.objects))
  checkTags(body.tags)
}

/**
 * The parts of a namespace as another answer had them: exported ones go in again, without what the service sets itself.
 */
const bareParts = (body: unknown): unknown => {
  if (!isRecord(body)) return body
  const bare = (part: unknown): unknown =>
    isRecord(part)
      ? Object.fromEntries(Object.entries(part).filter(([key]) => !metadefReadOnlyKeys.some((one) => one === key)))
      : part
  const bareList = (list: unknown): unknown => (Array.isArray(list) ? list.map(bare) : list)
  const lists = ['resource_type_associations', 'objects', 'tags'].filter((key) => Object.hasOwn(body, key))
  return { ...body, ...Object.fromEntries(lists.map((key) => [key, bareList(body[key])])) }
}

const parseNamespaceFields = parser(MetadefNamespaceWriteSchema)

/**
 * A namespace with its parts, from a request or a file.
 * @throws ApiError `read_only`, `invalid_body`, `invalid_attribute`, `conflict` for a part that is there twice
 */
export const parseNamespace = (value: unknown): MetadefNamespaceWrite => {
  refuseReadOnly(value)
  const body = parseNamespaceFields(bareParts(value))
  checkTexts('body', body)
  checkNamespace(body)
  return body
}

export const namespaceBody = (request: FastifyRequest): MetadefNamespaceWrite => parseNamespace(jsonBody(request))

export const objectBody = bodyOf(MetadefObjectWriteSchema, checkObject)
export const propertyBody = bodyOf(MetadefPropertySchema, (property) => {
  checkName('property', property.name)
  checkRequired(property)
})
export const tagBody = bodyOf(MetadefTagWriteSchema, ({ name }) => checkName('tag', name))
export const tagsBody = bodyOf(MetadefTagsWriteSchema, ({ tags }) => checkTags(tags))
export const associationBody = bodyOf(MetadefAssociationWriteSchema, ({ name }) => checkName('resource type', name))

/** The name of a tag that stands in the path. @throws ApiError `invalid_attribute` */
export const tagNameOf = (name: string): string => {
  if (name.length === 0 || name.length > 80) {
    throw apiError('invalid_attribute', { name: 'tag name', why: 'it is empty or over 80 characters' })
  }
  checkTexts('tag name', name)
  return name
}
