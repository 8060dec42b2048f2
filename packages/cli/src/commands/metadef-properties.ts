import type { JsonObject, MetadefObject, MetadefProperty, PropertiesAttributes, PropertyAttributes } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { type Invocation, say } from '../context.ts'
import { objectView, propertyView } from '../metadef-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { own } from '../output/view.ts'
import { type PropertyType, propertyTypes } from '../property-types.ts'
import { readJsonObject } from '../read-json.ts'
import { wireDocument } from '../wire.ts'
import { deleteParts, namespaceNamed } from './metadef-parts.ts'

/** The definition by its words, as the service takes it. */
const definitionOf = (name: string, words: JsonObject): PropertyAttributes => {
  const [title, given] = [own(words, 'title'), own(words, 'type')]
  const type = propertyTypes.find((known) => known === given)
  if (type === undefined || typeof title !== 'string') {
    throw usageError(`The property ${name} needs a title and a type.`, `Types: ${propertyTypes.join(', ')}`)
  }
  return { ...words, title, type }
}

const definitionsOf = (properties: JsonObject): PropertiesAttributes =>
  Object.fromEntries(
    Object.entries(properties).map(([name, words]) => {
      if (typeof words !== 'object' || words === null || Array.isArray(words)) {
        throw usageError(`The property ${name} is no object of JSON.`)
      }
      return [name, definitionOf(name, words)]
    }),
  )

export interface PropertyOptions extends OutputOptions {
  name?: string
  title?: string
  type?: PropertyType
  description?: string
  schema?: string
}

/** The words that were given, those of the options above those of the schema. */
const wordsOf = async (invocation: Invocation, options: PropertyOptions): Promise<JsonObject> => {
  const { title, type, description, schema } = options
  const given = Object.entries({ title, type, description }).flatMap(([word, value]) =>
    value === undefined ? [] : [[word, value] as const],
  )
  return { ...(schema === undefined ? {} : await readJsonObject(invocation, schema)), ...Object.fromEntries(given) }
}

const shownProperty = ({ name, definition }: MetadefProperty): JsonObject => ({ name, ...definition })

// Names of properties and words of their schemas are written as they are, in capitals too.
const shownObject = ({ properties, ...fields }: MetadefObject): JsonObject => ({
  ...wireDocument(fields),
  properties: { ...properties },
})

export const listProperties = async (
  invocation: Invocation,
  namespaceName: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const properties = await namespace.listProperties({ signal: invocation.signal }).toArray()
  const count = await writeList(invocation, propertyView, properties.map(shownProperty), options)
  if (count === 0) await say(invocation, 'There are no properties in it.')
}

export const showProperty = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  { for: resourceType, ...options }: OutputOptions & { for?: string },
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const property = await namespace.getProperty(name, { resourceType, signal: invocation.signal })
  await writeRecord(invocation, propertyView, shownProperty(property), options)
}

export const createProperty = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: PropertyOptions,
): Promise<void> => {
  const definition = definitionOf(name, { title: name, type: 'string', ...(await wordsOf(invocation, options)) })
  const namespace = await namespaceNamed(invocation, namespaceName)
  const property = await namespace.createProperty(name, definition, { signal: invocation.signal })
  await writeRecord(invocation, propertyView, shownProperty(property), options)
}

export const setProperty = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: PropertyOptions,
): Promise<void> => {
  const { signal } = invocation
  const words = await wordsOf(invocation, options)
  if (options.name === undefined && Object.keys(words).length === 0) {
    throw usageError('Nothing to change was named.', 'See: vitrine md property set --help')
  }
  const namespace = await namespaceNamed(invocation, namespaceName)
  const property = await namespace.getProperty(name, { signal })
  const kept = Object.entries({ ...property.definition, ...words }).filter(([, value]) => value !== null)
  const definition = definitionOf(name, Object.fromEntries(kept))
  await property.replace({ ...definition, name: options.name ?? name }, { signal })
  await writeRecord(invocation, propertyView, shownProperty(property), options)
}

export const deleteProperties = (
  invocation: Invocation,
  namespace: string,
  names: readonly string[],
  { yes }: { yes?: boolean },
): Promise<void> => deleteParts(invocation, namespace, 'property', names, yes, (from, ...of) => from.getProperty(...of))

export interface ObjectOptions extends OutputOptions {
  name?: string
  description?: string
  required?: string[]
  properties?: string
}

/** What was given, in the form of the SDK. */
const objectOf = async (invocation: Invocation, { description, required, properties }: ObjectOptions) => ({
  description,
  required,
  properties: properties === undefined ? undefined : definitionsOf(await readJsonObject(invocation, properties)),
})

export const listObjects = async (
  invocation: Invocation,
  namespaceName: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const objects = await namespace.listObjects({ signal: invocation.signal }).toArray()
  const count = await writeList(invocation, objectView, objects.map(shownObject), options)
  if (count === 0) await say(invocation, 'There are no objects in it.')
}

export const showObject = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const object = await namespace.getObject(name, { signal: invocation.signal })
  await writeRecord(invocation, objectView, shownObject(object), options)
}

export const createObject = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: ObjectOptions,
): Promise<void> => {
  const attributes = await objectOf(invocation, options)
  const namespace = await namespaceNamed(invocation, namespaceName)
  const object = await namespace.createObject({ name, ...attributes }, { signal: invocation.signal })
  await writeRecord(invocation, objectView, shownObject(object), options)
}

export const setObject = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: ObjectOptions,
): Promise<void> => {
  const { signal } = invocation
  const changes = { name: options.name, ...(await objectOf(invocation, options)) }
  if (Object.values(changes).every((value) => value === undefined)) {
    throw usageError('Nothing to change was named.', 'See: vitrine md object set --help')
  }
  const namespace = await namespaceNamed(invocation, namespaceName)
  const object = await namespace.getObject(name, { signal })
  await object.update(changes, { signal })
  await writeRecord(invocation, objectView, shownObject(object), options)
}

export const deleteObjects = (
  invocation: Invocation,
  namespace: string,
  names: readonly string[],
  { yes }: { yes?: boolean },
): Promise<void> => deleteParts(invocation, namespace, 'object', names, yes, (from, ...of) => from.getObject(...of))
