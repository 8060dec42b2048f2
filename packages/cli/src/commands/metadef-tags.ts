import { type Invocation, say } from '../context.ts'
import { associationView, tagView } from '../metadef-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { wireDocument, wireDocuments } from '../wire.ts'
import { deleteParts, eachPart, namespaceNamed } from './metadef-parts.ts'

export const listTags = async (
  invocation: Invocation,
  namespaceName: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const names = await namespace.listTags({ signal: invocation.signal }).toArray()
  const tags = names.map((name) => ({ name }))
  const count = await writeList(invocation, tagView, tags, options)
  if (count === 0) await say(invocation, 'There are no tags in it.')
}

export const showTag = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  await writeRecord(
    invocation,
    tagView,
    wireDocument(await namespace.getTag(name, { signal: invocation.signal })),
    options,
  )
}

/** Beside those that are there, in one call: all of them or none. */
export const createTags = async (
  invocation: Invocation,
  namespaceName: string,
  names: readonly string[],
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  await namespace.setTags(names, { append: true, signal: invocation.signal })
  await say(invocation, names.length === 1 ? `Made the tag ${names[0]}.` : `Made ${names.length} tags.`)
}

export const renameTag = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  { name: other, ...options }: OutputOptions & { name: string },
): Promise<void> => {
  const { signal } = invocation
  const namespace = await namespaceNamed(invocation, namespaceName)
  const tag = await namespace.getTag(name, { signal })
  await writeRecord(invocation, tagView, wireDocument(await tag.rename(other, { signal })), options)
}

export const deleteTags = (
  invocation: Invocation,
  namespace: string,
  names: readonly string[],
  { yes }: { yes?: boolean },
): Promise<void> => deleteParts(invocation, namespace, 'tag', names, yes, (from, ...of) => from.getTag(...of))

export const listAssociations = async (
  invocation: Invocation,
  namespaceName: string,
  options: OutputOptions,
): Promise<void> => {
  const namespace = await namespaceNamed(invocation, namespaceName)
  const types = wireDocuments(namespace.listResourceTypes({ signal: invocation.signal }))
  const count = await writeList(invocation, associationView, types, options)
  if (count === 0) await say(invocation, 'It is for no resource type.')
}

export interface AssociationOptions extends OutputOptions {
  prefix?: string
  target?: string
}

export const addAssociation = async (
  invocation: Invocation,
  namespaceName: string,
  name: string,
  { prefix, target: propertiesTarget, ...options }: AssociationOptions,
): Promise<void> => {
  const { signal } = invocation
  const namespace = await namespaceNamed(invocation, namespaceName)
  const made = await namespace.associate({ name, prefix, propertiesTarget }, { signal })
  await writeRecord(invocation, associationView, wireDocument(made), options)
}

export const removeAssociations = (
  invocation: Invocation,
  namespaceName: string,
  names: readonly string[],
  { yes }: { yes?: boolean },
): Promise<void> => {
  const words = { question: `Have ${namespaceName} no more for`, told: `${namespaceName} is no more for`, yes }
  return eachPart(invocation, namespaceName, names, words, (namespace, name, options) =>
    namespace.dissociate(name, options),
  )
}
