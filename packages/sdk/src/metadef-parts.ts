import type {
  MetadefAssociationDocument,
  MetadefObjectDocument,
  MetadefResourceTypeDocument,
  MetadefTagDocument,
} from '@vitrine/contract'
import type { MetadefPropertyType } from '@vitrine/contract/words'
import { UnexpectedResponseError } from './errors.ts'
import {
  instant,
  listOf,
  type Open,
  orElse,
  orNull,
  type Parse,
  record,
  type Shape,
  text,
  withFields,
} from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { isJsonObject, type JsonObject, type JsonValue, own } from './json.ts'

/** What a property is called, and what it may be. All of JSON Schema's words are there as on the wire (`minLength`). */
export interface PropertyDefinition {
  readonly title: string
  readonly type: Open<MetadefPropertyType>
  readonly [keyword: string]: JsonValue
}

/** The same to be sent. */
export type PropertyAttributes = {
  title: string
  type: MetadefPropertyType
  description?: string | undefined
  default?: JsonValue | undefined
  enum?: JsonValue[] | undefined
  readonly?: boolean | undefined
} & { [keyword: string]: JsonValue | undefined }

/** Properties by their names. */
export type Properties = Readonly<Record<string, PropertyDefinition>>
export type PropertiesAttributes = Readonly<Record<string, PropertyAttributes>>

export type ObjectAttributes = {
  name: string
  description?: string | undefined
  /** Names of the properties that must be given. */
  required?: readonly string[] | undefined
  properties?: PropertiesAttributes | undefined
}

const improper = (what: string) => new UnexpectedResponseError(`The service sent no proper ${what}.`)

const definition: Parse<PropertyDefinition> = (value, what) => {
  if (!isJsonObject(value)) throw improper(what)
  return { ...value, title: text(own(value, 'title'), what), type: text(own(value, 'type'), what) }
}

export const readProperties: Parse<Properties> = (value, what) => {
  if (!isJsonObject(value)) throw improper(what)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, definition(one, what)]))
}

/** Without what is undefined. */
const sendable = (fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )

export const propertiesBody = (properties: PropertiesAttributes | Properties): JsonObject =>
  sendable(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, sendable(one)])))

export const objectBody = ({ name, description, required, properties }: ObjectAttributes): JsonObject =>
  sendable({
    name,
    description,
    required: required === undefined ? undefined : [...required],
    properties: properties === undefined ? undefined : propertiesBody(properties),
  })

/** Where a part of a namespace is. */
interface Place {
  readonly api: ImageApi
  readonly path: readonly string[]
}

const readObject = record('object of a namespace', {
  name: text,
  description: orNull(text),
  /** Names of the properties that must be given. */
  required: orElse(listOf(text), []),
  /** By their names. */
  properties: orElse(readProperties, {}),
  created_at: instant,
  updated_at: instant,
  self: text,
  schema: text,
} satisfies Shape<MetadefObjectDocument>)

export interface ObjectChanges {
  name?: string | undefined
  /** Null takes it away. */
  description?: string | null | undefined
  required?: readonly string[] | undefined
  /** All of them: those that are not there go. */
  properties?: PropertiesAttributes | undefined
}

/** Properties of a namespace that belong together. */
export class MetadefObject extends withFields(readObject) {
  readonly #place: Place

  constructor(place: Place, document: JsonValue | undefined) {
    super(document)
    this.#place = place
  }

  /** Changes what is given. The service takes objects whole, so the rest is sent as it was when it was read. */
  async update(changes: ObjectChanges, options: CallOptions = {}): Promise<this> {
    const { name = this.name, description = this.description, required = this.required } = changes
    const body = sendable({
      name,
      description: description ?? undefined,
      required: [...required],
      properties: propertiesBody(changes.properties ?? this.properties),
    })
    const { api, path } = this.#place
    return Object.assign(this, readObject(await api.call('PUT', [...path, this.name], { ...options, json: body })))
  }

  async delete(options: CallOptions = {}): Promise<void> {
    const { api, path } = this.#place
    await api.call('DELETE', [...path, this.name], options)
  }
}

/** A property of a namespace by itself. */
export class MetadefProperty {
  name: string
  /** What it may be. */
  definition: PropertyDefinition
  readonly #place: Place

  constructor(place: Place, name: string, document: JsonValue | undefined) {
    const { name: _again, ...rest } = definition(document, 'property of a namespace')
    this.#place = place
    this.name = name
    this.definition = rest
  }

  /** Puts another definition in its place, perhaps another name. */
  async replace(
    attributes: PropertyAttributes & { name?: string | undefined },
    options: CallOptions = {},
  ): Promise<this> {
    const { name = this.name, ...rest } = attributes
    const { api, path } = this.#place
    const json = sendable({ ...rest, name })
    const answer = await api.call('PUT', [...path, this.name], { ...options, json })
    return Object.assign(this, new MetadefProperty(this.#place, name, answer))
  }

  async delete(options: CallOptions = {}): Promise<void> {
    const { api, path } = this.#place
    await api.call('DELETE', [...path, this.name], options)
  }
}

export const propertyBody = (name: string, attributes: PropertyAttributes): JsonObject =>
  sendable({ ...attributes, name })

const readTag = record('tag of a namespace', {
  name: text,
  created_at: instant,
  updated_at: instant,
} satisfies Shape<MetadefTagDocument>)

/** A word that a namespace offers. */
export class MetadefTag extends withFields(readTag) {
  readonly #place: Place

  constructor(place: Place, document: JsonValue | undefined) {
    super(document)
    this.#place = place
  }

  async rename(name: string, options: CallOptions = {}): Promise<this> {
    const { api, path } = this.#place
    const answer = await api.call('PUT', [...path, this.name], { ...options, json: { name } })
    return Object.assign(this, readTag(answer))
  }

  async delete(options: CallOptions = {}): Promise<void> {
    const { api, path } = this.#place
    await api.call('DELETE', [...path, this.name], options)
  }
}

export const readAssociation = record('resource type of a namespace', {
  /** Such as `OS::Glance::Image`. */
  name: text,
  /** Before the names of properties on resources of the type. */
  prefix: orNull(text),
  properties_target: orNull(text),
  created_at: instant,
  updated_at: instant,
} satisfies Shape<MetadefAssociationDocument>)
/** That a namespace is for resources of a type. */
export type ResourceTypeAssociation = ReturnType<typeof readAssociation>

export type AssociationAttributes = {
  name: string
  /** Before the names of properties on resources of the type. */
  prefix?: string | undefined
  propertiesTarget?: string | undefined
}

export const associationBody = ({ name, prefix, propertiesTarget }: AssociationAttributes): JsonObject =>
  sendable({ name, prefix, properties_target: propertiesTarget })

export const readResourceType = record('resource type', {
  name: text,
  created_at: instant,
  updated_at: instant,
} satisfies Shape<MetadefResourceTypeDocument>)
/** A type that some namespace was ever for. */
export type ResourceType = ReturnType<typeof readResourceType>
