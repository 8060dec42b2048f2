import type { MetadefNamespaceDocument } from '@vitrine/contract'
import { type MetadefVisibility, metadefReadOnlyKeys } from '@vitrine/contract/words'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import {
  flag,
  instant,
  listOf,
  orElse,
  orNull,
  record,
  type Shape,
  text,
  wireBody,
  withFields,
  word,
} from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { type PageOptions, type PaginatedIterator, ResourceIterator } from './iterators.ts'
import { isJsonObject, type JsonObject, type JsonValue, own } from './json.ts'
import {
  type AssociationAttributes,
  associationBody,
  MetadefObject,
  MetadefProperty,
  MetadefTag,
  type ObjectAttributes,
  objectBody,
  type PropertiesAttributes,
  type PropertyAttributes,
  propertiesBody,
  propertyBody,
  type ResourceType,
  type ResourceTypeAssociation,
  readAssociation,
  readProperties,
  readResourceType,
} from './metadef-parts.ts'
import { collection, paginated } from './paginated.ts'

/** Metadata definitions: what properties of images and other resources mean. For every Image API v2 cloud. */

export type NamespaceFields = {
  namespace: string
  /** For people. */
  displayName?: string | undefined
  description?: string | undefined
  /** Default `private`. */
  visibility?: MetadefVisibility | undefined
  /** While it is true, neither the namespace nor what is in it can be deleted. */
  protected?: boolean | undefined
  /** Default: the own project. */
  owner?: string | undefined
}

export type NamespaceAttributes = NamespaceFields & {
  resourceTypes?: readonly AssociationAttributes[] | undefined
  properties?: PropertiesAttributes | undefined
  objects?: readonly ObjectAttributes[] | undefined
  tags?: readonly string[] | undefined
}

export interface NamespaceChanges {
  /** Another name. */
  namespace?: string | undefined
  /** Null takes it away. */
  displayName?: string | null | undefined
  description?: string | null | undefined
  visibility?: MetadefVisibility | undefined
  protected?: boolean | undefined
  owner?: string | undefined
}

export interface NamespaceFilter {
  readonly visibility?: MetadefVisibility | undefined
  /** Only namespaces that are for one of these types. */
  readonly resourceTypes?: readonly string[] | undefined
  readonly sortKey?: string | undefined
  readonly sortDir?: 'asc' | 'desc' | undefined
}

export interface ResourceTypeOptions extends CallOptions {
  /** Name properties as resources of this type have them, with their prefix. */
  resourceType?: string | undefined
}

/** Objects and tags in a namespace that was read: what it takes to know them. */
const readNestedObject = record('object of a namespace', {
  name: text,
  description: orNull(text),
  required: orElse(listOf(text), []),
  properties: orElse(readProperties, {}),
})
const readNestedTag = record('tag of a namespace', { name: text })

const readNamespace = record('namespace', {
  namespace: text,
  /** For people. */
  display_name: orNull(text),
  description: orNull(text),
  visibility: word<MetadefVisibility>(),
  /** While it is true, neither the namespace nor what is in it can be deleted. */
  protected: flag,
  /** Null: it belongs to nobody. */
  owner: orNull(text),
  created_at: instant,
  updated_at: instant,
  self: text,
  schema: text,
  resource_type_associations: orElse(listOf(readAssociation), []),
  /** By their names. Nothing in a list of namespaces; nor are objects and tags. */
  properties: orElse(readProperties, {}),
  objects: orElse(listOf(readNestedObject), []),
  tags: orElse(listOf(readNestedTag), []),
} satisfies Shape<MetadefNamespaceDocument>)

const root = ['metadefs', 'namespaces']

const withoutReadOnly = (value: JsonValue): JsonValue => {
  if (Array.isArray(value)) return value.map(withoutReadOnly)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !metadefReadOnlyKeys.some((readOnly) => readOnly === key)),
  )
}

/** A namespace as it was read, as it can be written: without what only the service sets. */
const bareDocument = (document: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(document)
      .filter(([key]) => !metadefReadOnlyKeys.some((readOnly) => readOnly === key))
      .map(([key, value]) => [key, Array.isArray(value) ? withoutReadOnly(value) : value]),
  )

/** A named set of definitions: properties, objects, tags, and the resource types that they are for. */
export class Namespace extends withFields(readNamespace) {
  readonly #api: ImageApi
  #document: JsonObject

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
    this.#document = isJsonObject(document) ? document : {}
  }

  /** Reads it again, with all that is in it. */
  async refresh(options: CallOptions = {}): Promise<this> {
    return this.#take(await this.#api.callForObject('GET', this.#path(), options))
  }

  /** Changes what is given. What is in the namespace stays. */
  async update(changes: NamespaceChanges, options: CallOptions = {}): Promise<this> {
    const { displayName = this.displayName, description = this.description, owner = this.owner } = changes
    const json = wireBody({
      namespace: changes.namespace ?? this.namespace,
      displayName: displayName ?? undefined,
      description: description ?? undefined,
      visibility: changes.visibility ?? this.visibility,
      protected: changes.protected ?? this.protected,
      owner: owner ?? undefined,
    })
    await this.#api.call('PUT', this.#path(), { ...options, json })
    // What is in it is not in that answer.
    const path = [...root, changes.namespace ?? this.namespace]
    return this.#take(await this.#api.callForObject('GET', path, options))
  }

  /** With all that is in it. @throws ForbiddenError while it is protected */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', this.#path(), options)
  }

  /** The namespace in the form of a file of definitions: what `importNamespace` makes it of again. */
  export(): JsonObject {
    return bareDocument(this.#document)
  }

  listObjects(options: CallOptions = {}): ResourceIterator<MetadefObject> {
    const place = this.#place('objects')
    return collection(this.#api, place.path, 'objects', options, (object) => new MetadefObject(place, object))
  }

  async getObject(name: string, options: CallOptions = {}): Promise<MetadefObject> {
    return new MetadefObject(this.#place('objects'), await this.#call('GET', ['objects', name], options))
  }

  async createObject(attributes: ObjectAttributes, options: CallOptions = {}): Promise<MetadefObject> {
    const json = objectBody(attributes)
    return new MetadefObject(this.#place('objects'), await this.#call('POST', ['objects'], { ...options, json }))
  }

  /** All of them. */
  async deleteObjects(options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['objects'], options)
  }

  listProperties(options: CallOptions = {}): ResourceIterator<MetadefProperty> {
    const place = this.#place('properties')
    return new ResourceIterator(async () => {
      const properties = own(await this.#api.callForObject('GET', place.path, options), 'properties')
      if (!isJsonObject(properties)) throw new UnexpectedResponseError('The service sent no properties.')
      return Object.entries(properties).map(([name, property]) => new MetadefProperty(place, name, property))
    })
  }

  /** @param name with the prefix of the resource type, if one is given; the property then has it without */
  async getProperty(name: string, { resourceType, signal }: ResourceTypeOptions = {}): Promise<MetadefProperty> {
    const query = { resource_type: resourceType }
    const answer = await this.#call('GET', ['properties', name], { query, signal })
    return new MetadefProperty(this.#place('properties'), nameIn(answer) ?? name, answer)
  }

  async createProperty(
    name: string,
    attributes: PropertyAttributes,
    options: CallOptions = {},
  ): Promise<MetadefProperty> {
    const json = propertyBody(name, attributes)
    const answer = await this.#call('POST', ['properties'], { ...options, json })
    return new MetadefProperty(this.#place('properties'), name, answer)
  }

  /** All of them. */
  async deleteProperties(options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['properties'], options)
  }

  /** Their names, newest first. */
  listTags(options: CallOptions = {}): ResourceIterator<string> {
    return collection(this.#api, this.#place('tags').path, 'tags', options, (tag) => readNestedTag(tag).name)
  }

  async getTag(name: string, options: CallOptions = {}): Promise<MetadefTag> {
    return new MetadefTag(this.#place('tags'), await this.#call('GET', ['tags', name], options))
  }

  async createTag(name: string, options: CallOptions = {}): Promise<MetadefTag> {
    return new MetadefTag(this.#place('tags'), await this.#call('POST', ['tags', name], options))
  }

  /** Puts these tags in the place of all others; with `append`, beside them. */
  async setTags(
    names: readonly string[],
    { append, signal }: CallOptions & { append?: boolean | undefined } = {},
  ): Promise<void> {
    const json = { tags: names.map((name) => ({ name })) }
    await this.#call('POST', ['tags'], {
      json,
      signal,
      headers: append === true ? { 'X-Openstack-Append': 'True' } : {},
    })
  }

  /** All of them. */
  async deleteTags(options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['tags'], options)
  }

  /** The resource types that it is for. */
  listResourceTypes(options: CallOptions = {}): ResourceIterator<ResourceTypeAssociation> {
    const { path } = this.#place('resource_types')
    return collection(this.#api, path, 'resource_type_associations', options, (one) => readAssociation(one))
  }

  /** Makes the type too if there is none. */
  async associate(attributes: AssociationAttributes, options: CallOptions = {}): Promise<ResourceTypeAssociation> {
    const json = associationBody(attributes)
    return readAssociation(await this.#call('POST', ['resource_types'], { ...options, json }))
  }

  async dissociate(resourceType: string, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['resource_types', resourceType], options)
  }

  #path(): string[] {
    return [...root, this.namespace]
  }

  #place(kind: string): { api: ImageApi; path: string[] } {
    return { api: this.#api, path: [...this.#path(), kind] }
  }

  #take(document: JsonObject): this {
    this.#document = document
    return Object.assign(this, readNamespace(document))
  }

  #call(method: string, rest: string[], request: Parameters<ImageApi['call']>[2]): Promise<JsonValue | undefined> {
    return this.#api.call(method, [...this.#path(), ...rest], request)
  }
}

const nameIn = (answer: JsonValue | undefined): string | undefined => {
  const name = isJsonObject(answer) ? own(answer, 'name') : undefined
  return typeof name === 'string' ? name : undefined
}

export const listNamespaces = (
  api: ImageApi,
  { visibility, resourceTypes, sortKey, sortDir }: NamespaceFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<Namespace> => {
  const query = { visibility, resource_types: resourceTypes?.join(','), sort_key: sortKey, sort_dir: sortDir }
  return paginated(api, root, 'namespaces', query, options, (namespace) => new Namespace(api, namespace))
}

export const getNamespace = async (
  api: ImageApi,
  name: string,
  { resourceType, signal }: ResourceTypeOptions,
): Promise<Namespace> => {
  const query = { resource_type: resourceType }
  return new Namespace(api, await api.call('GET', [...root, name], { query, signal }))
}

export const createNamespace = async (
  api: ImageApi,
  { resourceTypes, properties, objects, tags, ...fields }: NamespaceAttributes,
  options: CallOptions,
): Promise<Namespace> => {
  const json = {
    ...wireBody(fields),
    ...(resourceTypes === undefined ? {} : { resource_type_associations: resourceTypes.map(associationBody) }),
    ...(properties === undefined ? {} : { properties: propertiesBody(properties) }),
    ...(objects === undefined ? {} : { objects: objects.map(objectBody) }),
    ...(tags === undefined ? {} : { tags: tags.map((name) => ({ name })) }),
  }
  return new Namespace(api, await api.call('POST', root, { ...options, json }))
}

/** @throws InvalidArgumentError when it is no object with a namespace */
export const importNamespace = async (api: ImageApi, document: JsonValue, options: CallOptions): Promise<Namespace> => {
  if (!isJsonObject(document) || typeof own(document, 'namespace') !== 'string') {
    throw new InvalidArgumentError('A file of definitions holds an object with the key "namespace".')
  }
  return new Namespace(api, await api.call('POST', root, { ...options, json: bareDocument(document) }))
}

export const listResourceTypes = (api: ImageApi, options: CallOptions): ResourceIterator<ResourceType> =>
  collection(api, ['metadefs', 'resource_types'], 'resource_types', options, (type) => readResourceType(type))
