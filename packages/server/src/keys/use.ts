import { randomBytes } from 'node:crypto'
import { apiError } from '../api-error.ts'
import type { ImageSealsTable, KeysTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { sealingScheme } from '../sealing/chunks.ts'
import type { Service } from '../service.ts'
import { asKeyAnswer } from './errors.ts'
import { keyOf } from './grants.ts'
import { type KeyUseRecord, recordKeyEvent } from './key-events.ts'
import { isKey } from './key-rows.ts'
import { KeyError, type KeyHolder, type KeyManager } from './port.ts'
import { findKey, findSeal } from './queries.ts'
import { keyBytes } from './wrapping.ts'

/** What the data key of an image is bound to. */
export const sealContext = (imageId: string): string => `image ${imageId}`

/** @throws ApiError `key_manager_missing` */
export const managerOf = ({ keyManager }: Pick<Service, 'keyManager'>): KeyManager => {
  if (keyManager === undefined) throw apiError('key_manager_missing', {})
  return keyManager
}

/** @throws ApiError `key_disabled` */
export const checkEnabled = ({ id, status }: Pick<KeysTable, 'id' | 'status'>): void => {
  if (status === 'disabled') throw apiError('key_disabled', { key: id })
}

/** Uses a key and writes down that it was used, or who was refused. What it opened is given out only after that. */
export const recorded = async <Result>(
  { database, now, keyRepeats }: Pick<Service, 'database' | 'now' | 'keyRepeats'>,
  cause: Cause,
  use: KeyUseRecord,
  work: () => Promise<Result>,
): Promise<Result> => {
  const write = async (outcome: KeyUseRecord['outcome']): Promise<void> => {
    if (keyRepeats.isRepeat(cause, { ...use, outcome })) return
    await database.write((tx) => recordKeyEvent(tx, { ...cause, at: now() }, { ...use, outcome }))
  }
  let result: Result
  try {
    result = await work()
  } catch (error) {
    await write(error instanceof KeyError && error.reason === 'refused' ? 'refused' : 'failed')
    throw error
  }
  await write('done')
  return result
}

export interface NewImageKey {
  /** To encrypt the bytes with, once. */
  readonly dataKey: Uint8Array
  readonly seal: Omit<ImageSealsTable, 'scheme'>
}

/** A data key for the bytes of an image, wrapped by a key that the holder holds. @throws ApiError as `wrapImageKey` */
export const newImageKey = (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  image: { readonly id: string; readonly keyId: string },
): Promise<NewImageKey> => wrapImageKey(service, holder, cause, image, randomBytes(keyBytes))

/**
 * A data key as it is kept: wrapped by a key that the holder holds.
 * @throws ApiError `key_disabled`, `key_unknown`, `key_not_held`, `key_damaged`, `key_manager_unavailable`, `key_manager_missing`
 */
export const wrapImageKey = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  image: { readonly id: string; readonly keyId: string },
  dataKey: Uint8Array,
): Promise<NewImageKey> => {
  const manager = managerOf(service)
  const row = await findKey(service.database.read, image.keyId)
  if (row === undefined || !isKey(row)) throw apiError('key_unknown', { key: image.keyId })
  checkEnabled(row)
  const key = { ...keyOf(row), version: row.version }
  const use = { type: 'key.seal', key, version: row.version, imageId: image.id } as const
  try {
    const wrapped = await recorded(service, cause, use, () => manager.wrap(key, holder, dataKey, sealContext(image.id)))
    return {
      dataKey,
      seal: {
        image_id: image.id,
        key_id: row.id,
        key_version: row.version,
        wrapped: Buffer.from(wrapped).toString('base64'),
      },
    }
  } catch (error) {
    throw asKeyAnswer(error, row.id, () => notHeld(row, holder))
  }
}

const notHeld = ({ id, project_id }: KeysTable, { projectId }: KeyHolder) =>
  apiError('key_not_held', { key: id, owner: project_id, project: projectId })

/** Opens a seal. Between reading it and opening it, the key may have been rotated and the old version removed. */
export const openSeal = async (
  { database }: Pick<Service, 'database'>,
  manager: KeyManager,
  key: KeysTable,
  holder: KeyHolder,
  imageId: string,
): Promise<Uint8Array | undefined> => {
  const open = async (): Promise<Uint8Array | undefined> => {
    const seal = await findSeal(database.read, imageId)
    if (seal === undefined) return undefined
    if (seal.scheme !== sealingScheme) throw new KeyError('damaged', `The bytes are in the form ${seal.scheme}.`)
    const version = { ...keyOf(key), version: seal.key_version }
    return manager.unwrap(version, holder, Buffer.from(seal.wrapped, 'base64'), sealContext(imageId))
  }
  try {
    return await open()
  } catch (error) {
    if (error instanceof KeyError && error.reason === 'missing') return open()
    throw error
  }
}

/**
 * The data key of a sealed image, for a project that holds the key.
 * @throws ApiError `key_not_held`, `key_disabled`, `key_unknown`, `key_damaged`, `key_manager_unavailable`, `key_manager_missing`
 */
export const openImageKey = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  image: Pick<ImagesTable, 'id' | 'key_id'>,
): Promise<Uint8Array> => {
  const manager = managerOf(service)
  const unknown = apiError('key_unknown', { key: image.key_id ?? 'of the image' })
  const key = image.key_id === null ? undefined : await findKey(service.database.read, image.key_id)
  if (key === undefined) throw unknown
  checkEnabled(key)
  const use = { type: 'key.open', key: keyOf(key), version: key.version, imageId: image.id } as const
  try {
    const dataKey = await recorded(service, cause, use, () => openSeal(service, manager, key, holder, image.id))
    if (dataKey === undefined) throw unknown
    return dataKey
  } catch (error) {
    throw asKeyAnswer(error, key.id, () => notHeld(key, holder))
  }
}

/**
 * Shows that a project can use the key of an image: by opening its seal, or where the service does not hold the bytes' key,
 * by using the key itself.
 * @throws KeyError
 */
export const proveKey = async (
  service: Pick<Service, 'database'>,
  manager: KeyManager,
  key: KeysTable,
  image: Pick<ImagesTable, 'id' | 'encryption'>,
  holder: KeyHolder,
): Promise<void> => {
  const opened = image.encryption === 'sealed' ? await openSeal(service, manager, key, holder, image.id) : undefined
  if (opened === undefined) await manager.prove({ ...keyOf(key), version: key.version }, holder)
  else opened.fill(0)
}
