import type { JsonObject, MetadefProperty, PropertyAttributes } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { type Invocation, say } from '../context.ts'
import { propertyView } from '../metadef-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { own } from '../output/view.ts'
import { type PropertyType, propertyTypes } from '../property-types.ts'
import { readJsonObject } from '../read-json.ts'
import { deleteParts, namespaceNamed } from './metadef-parts.ts'

/** The definition by its words, as the service takes it. @throws CommandError for what has no title or no type */
export const definitionOf = (name: string, words: JsonObject): PropertyAttributes => {
  const [title, given] = [own(words, 'title'), own(words, 'type')]
  const type = propertyTypes.find((known) => known === given)
  if (type === undefined || typeof title !== 'string') {
    throw usageError(`The property ${name} needs a title and a type.`, `Types: ${propertyTypes.join(', ')}`)
  }
  return { ...words, title, type }
}

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
