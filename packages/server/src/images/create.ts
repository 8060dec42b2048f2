import { randomUUID } from 'node:crypto'
import { uuidPattern } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import { checkPropertyQuota, checkSettable, checkTagQuota, setAttribute } from './attributes.ts'
import { draftOf, type Image } from './image.ts'

const uuid = new RegExp(uuidPattern)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An image as it is born. */
export const newImage = (id: string, owner: string | null, now: number): Image => ({
  id,
  name: null,
  status: 'queued',
  visibility: 'shared',
  owner,
  protected: false,
  hidden: false,
  diskFormat: null,
  containerFormat: null,
  minDisk: 0,
  minRam: 0,
  sizeBytes: null,
  virtualSizeBytes: null,
  checksum: null,
  hashAlgorithm: null,
  hashValue: null,
  tags: [],
  properties: new Map(),
  locations: [],
  sealedUnder: null,
  encryptedContent: null,
  createdAt: now,
  updatedAt: now,
})

const idOf = (given: unknown): string => {
  if (given === undefined) return randomUUID()
  if (typeof given !== 'string' || !uuid.test(given)) {
    throw apiError('invalid_attribute', { name: 'id', why: 'it must be a UUID' })
  }
  return given
}

/**
 * The image that a body of POST images describes.
 * @throws ApiError for a body that is no object (400), names that cannot be set (403), values that cannot be (400)
 */
export const parseCreate = (body: unknown, owner: string | null, now: number): Image => {
  if (!isRecord(body)) throw apiError('invalid_body', { why: 'it must be a JSON object' })
  const { id, ...attributes } = body
  const draft = draftOf(newImage(idOf(id), owner, now))
  for (const [key, value] of Object.entries(attributes)) {
    checkSettable(key)
    if (key === 'locations') throw apiError('reserved', { name: key })
    setAttribute(draft, key, value)
  }
  return draft
}

/**
 * Checks that the actor may create this image.
 * @throws ApiError `role_required`, `owner_fixed`, `public_needs_admin`, `property_quota`, `tag_quota`
 */
export const checkCreate = (image: Image, actor: Actor, limits: Limits): void => {
  if (!actor.roles.has('member')) throw apiError('role_required', { role: 'member' })
  if (!actor.roles.has('admin')) {
    if (image.owner === null || image.owner !== actor.projectId) throw apiError('owner_fixed', {})
    if (image.visibility === 'public') throw apiError('public_needs_admin', {})
  }
  checkTagQuota(image.tags, limits)
  checkPropertyQuota(image.properties, limits)
}
