import { UnexpectedResponseError } from './errors.ts'
import { integer, listOf, record, text } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { booleanIn, isJsonObject, type JsonObject, type JsonValue, numberIn, objectIn, stringIn } from './json.ts'

/** A place for the bytes of images. */
export interface Store {
  id: string
  description: string | undefined
  /** Whether bytes go there if no store is named. */
  isDefault: boolean
  isReadOnly: boolean
  /** Of the backend, such as `file`; with details only. */
  type: string | undefined
  weight: number | undefined
  properties: JsonObject | undefined
}

export interface StoreOptions extends CallOptions {
  /** Also type, weight and properties; for administrators. */
  details?: boolean | undefined
}

/** Clouds write these as text. */
const isTrue = (store: JsonObject, name: string): boolean =>
  booleanIn(store, name) ?? stringIn(store, name)?.toLowerCase() === 'true'

const readStore = (value: JsonValue): Store => {
  const id = isJsonObject(value) ? stringIn(value, 'id') : undefined
  if (!isJsonObject(value) || id === undefined)
    throw new UnexpectedResponseError('The service sent a store without id.')
  return {
    id,
    description: stringIn(value, 'description'),
    isDefault: isTrue(value, 'default'),
    isReadOnly: isTrue(value, 'read-only'),
    type: stringIn(value, 'type'),
    weight: numberIn(value, 'weight'),
    properties: objectIn(value, 'properties'),
  }
}

const listed = (answer: JsonObject, name: string): JsonValue[] => {
  const list = answer[name]
  if (Array.isArray(list)) return list
  throw new UnexpectedResponseError(`The service sent no list of ${name}.`)
}

export const getStores = async (api: ImageApi, { details = false, signal }: StoreOptions): Promise<Store[]> => {
  const path = ['info', 'stores', ...(details ? ['detail'] : [])]
  return listed(await api.callForObject('GET', path, { signal }), 'stores').map(readStore)
}

/** What a cloud says about imports. */
export interface ImportInfo {
  /** Methods that images can be imported by, such as `web-download`. */
  methods: string[]
}

export const getImportInfo = async (api: ImageApi, options: CallOptions): Promise<ImportInfo> => {
  const answer = await api.callForObject('GET', ['info', 'import'], options)
  return { methods: listOf(text)(objectIn(answer, 'import-methods')?.value, 'import method') }
}

/** How much of a limit the project uses. */
export interface Usage {
  /** `image_count_total`, or `image_size_total` and `image_stage_total` in MiB, or another that the cloud has. */
  name: string
  usage: number
  /** -1: without limit. */
  limit: number
}

const readUsage = record('usage', { usage: integer, limit: integer })

/** Empty on clouds that limit nothing. */
export const getUsage = async (api: ImageApi, options: CallOptions): Promise<Usage[]> => {
  const answer = await api.callForObject('GET', ['info', 'usage'], options)
  return Object.entries(objectIn(answer, 'usage') ?? {}).map(([name, value]) => ({ name, ...readUsage(value) }))
}

/** Deletes the bytes of an image from one of its stores. */
export const deleteFromStore = async (
  api: ImageApi,
  store: string,
  imageId: string,
  options: CallOptions,
): Promise<void> => {
  await api.call('DELETE', ['stores', store, imageId], options)
}
