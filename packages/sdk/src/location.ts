import { UnexpectedResponseError } from './errors.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectIn, stringIn } from './json.ts'

/** Where the bytes of an image are. */
export interface Location {
  url: string
  metadata: JsonObject
}

/** What the bytes at a location must be. */
export interface LocationDigest {
  /** `sha512`, `sha256`, `sha1` or `md5`. */
  algorithm: string
  /** Hex. */
  value: string
}

const readLocation = (value: JsonValue): Location => {
  const url = isJsonObject(value) ? stringIn(value, 'url') : undefined
  if (!isJsonObject(value) || url === undefined) {
    throw new UnexpectedResponseError('The service sent a location without its URL.')
  }
  return { url, metadata: objectIn(value, 'metadata') ?? {} }
}

export const listLocations = async (api: ImageApi, imageId: string, options: CallOptions): Promise<Location[]> => {
  const answer = await api.call('GET', ['images', imageId, 'locations'], options)
  if (!Array.isArray(answer)) throw new UnexpectedResponseError('The service sent no list of locations.')
  return answer.map(readLocation)
}

export const addLocation = async (
  api: ImageApi,
  imageId: string,
  url: string,
  digest: LocationDigest | undefined,
  options: CallOptions,
): Promise<void> => {
  const validation = digest && { os_hash_algo: digest.algorithm, os_hash_value: digest.value }
  const json = { url, ...(validation === undefined ? {} : { validation_data: validation }) }
  await api.call('POST', ['images', imageId, 'locations'], { ...options, json })
}
