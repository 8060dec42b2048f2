import type { JsonObject, MetadefObject, PropertiesAttributes } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { type Invocation, say } from '../context.ts'
import { objectView } from '../metadef-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { readJsonObject } from '../read-json.ts'
import { wireDocument } from '../wire.ts'
import { deleteParts, namespaceNamed } from './metadef-parts.ts'
import { definitionOf } from './metadef-properties.ts'

const definitionsOf = (properties: JsonObject): PropertiesAttributes =>
  Object.fromEntries(
    Object.entries(properties).map(([name, words]) => {
      if (typeof words !== 'object' || words === null || Array.isArray(words)) {
        throw usageError(`The property ${name} is no object of JSON.`)
      }
      return [name, definitionOf(name, words)]
    }),
  )

// Names of properties and words of their schemas are written as they are, in capitals too.
const shownObject = ({ properties, ...fields }: MetadefObject): JsonObject => ({
  ...wireDocument(fields),
  properties: { ...properties },
})

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
