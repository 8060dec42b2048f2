import type { JsonObject, Namespace } from '@vitrine/sdk'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say, write } from '../context.ts'
import { namespaceView, resourceTypeView } from '../metadef-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { toJson } from '../output/serialise.ts'
import { readJson } from '../read-json.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

export interface NamespaceListOptions extends OutputOptions {
  visibility?: 'public' | 'private'
  /** Only namespaces that are for this type of resources. */
  for?: string
}

export const listNamespaces = async (
  invocation: Invocation,
  { visibility, for: type, ...options }: NamespaceListOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const filter = { visibility, resourceTypes: type === undefined ? undefined : [type] }
  const namespaces = service.listNamespaces(filter, { signal: invocation.signal })
  const count = await writeList(invocation, namespaceView, wireDocuments(namespaces), options)
  if (count === 0) await say(invocation, 'There are no namespaces that you can see.')
}

const shown = (namespace: Namespace): JsonObject => {
  const { properties: _p, objects: _o, tags: _t, resourceTypeAssociations: _r, ...fields } = namespace
  const { properties = {}, objects = [], tags = [], resource_type_associations = [] } = namespace.export()
  return { ...wireDocument(fields), resource_type_associations, properties, objects, tags }
}

export const showNamespace = async (
  invocation: Invocation,
  name: string,
  { for: resourceType, ...options }: OutputOptions & { for?: string },
): Promise<void> => {
  const { service } = await connect(invocation)
  const namespace = await service.getNamespace(name, { resourceType, signal: invocation.signal })
  await writeRecord(invocation, namespaceView, shown(namespace), options)
}

export interface NamespaceSetOptions extends OutputOptions {
  name?: string
  displayName?: string
  description?: string
  public?: boolean
  private?: boolean
  protect?: boolean
  unprotect?: boolean
}

const changesOf = (options: NamespaceSetOptions) => ({
  displayName: options.displayName,
  description: options.description,
  visibility:
    options.public === true ? ('public' as const) : options.private === true ? ('private' as const) : undefined,
  protected: options.protect === true ? true : options.unprotect === true ? false : undefined,
})

export const createNamespace = async (
  invocation: Invocation,
  namespace: string,
  options: NamespaceSetOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const made = await service.createNamespace({ namespace, ...changesOf(options) }, { signal: invocation.signal })
  await writeRecord(invocation, namespaceView, shown(made), options)
}

export const setNamespace = async (
  invocation: Invocation,
  name: string,
  options: NamespaceSetOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const namespace = await service.getNamespace(name, { signal })
  await namespace.update({ namespace: options.name, ...changesOf(options) }, { signal })
  await writeRecord(invocation, namespaceView, shown(namespace), options)
}

export const deleteNamespace = async (
  invocation: Invocation,
  name: string,
  { yes }: { yes?: boolean },
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const namespace = await service.getNamespace(name, { signal })
  await confirm(invocation, `Delete the namespace ${name} with all that is in it?`, yes)
  await namespace.delete({ signal })
  await say(invocation, `Deleted the namespace ${name}.`)
}

/** Makes a namespace of each file of definitions. */
export const importNamespaces = async (invocation: Invocation, files: readonly string[]): Promise<void> => {
  const { service } = await connect(invocation)
  for (const file of files) {
    const document = await readJson(invocation, file)
    const { namespace } = await service.importNamespace(document, { signal: invocation.signal })
    await say(invocation, `Imported the namespace ${namespace}.`)
  }
}

export const exportNamespace = async (invocation: Invocation, name: string): Promise<void> => {
  const { service } = await connect(invocation)
  const namespace = await service.getNamespace(name, { signal: invocation.signal })
  await write(invocation.out, `${toJson(namespace.export())}\n`)
}

export const listResourceTypes = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const types = service.listResourceTypes({ signal: invocation.signal })
  await writeList(invocation, resourceTypeView, wireDocuments(types), options)
}
