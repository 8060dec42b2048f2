import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import { checkPropertyQuota, checkTagQuota, isBaseAttribute, setAttribute } from './attributes.ts'
import { newImage } from './create.ts'
import { checkSealKept, keepingKey } from './encryption.ts'
import { type Draft, draftOf, type Image } from './image.ts'
import type { Operation, Patch } from './patch.ts'

/** What an update depends on besides the image and the patch. */
export interface UpdateRules {
  readonly actor: Actor
  readonly limits: Limits
  /** Whether an owner may give its image away by `add`, as Glance lets it. */
  readonly allowOwnerTransfer: boolean
}

const checkOwner = (operation: Operation, { actor, allowOwnerTransfer }: UpdateRules): void => {
  if (actor.roles.has('admin')) return
  const given = operation.op === 'add' && allowOwnerTransfer && operation.value !== null
  if (!given) throw apiError('owner_fixed', {})
}

/** Once the bytes of an import were judged by the formats, these stay as they are, also while further copies are made. */
const checkFormats = (image: Image, key: string): void => {
  const isOpen = image.status === 'queued' || (image.status === 'importing' && image.checksum === null)
  if (!isOpen) throw apiError('formats_fixed', { name: key })
}

/** Who may set what, and when. */
const checkAllowed = (image: Image, operation: Operation, rules: UpdateRules): void => {
  const { key } = operation
  if (key === 'locations') throw apiError('locations_hidden', {})
  if (operation.op === 'remove') {
    if (isBaseAttribute(key)) throw apiError('base_attribute', { name: key })
    return
  }
  if (key === 'owner') checkOwner(operation, rules)
  if (key === 'disk_format' || key === 'container_format') checkFormats(image, key)
  if (key === 'visibility' && operation.value === 'public' && !rules.actor.roles.has('admin')) {
    throw apiError('public_needs_admin', {})
  }
}

const apply = (draft: Draft, operation: Operation, patch: Patch, rules: UpdateRules): void => {
  const { key } = operation
  checkAllowed(draft, operation, rules)
  if (operation.op === 'remove') {
    if (!draft.properties.delete(key)) throw apiError('property_missing', { name: key })
    return
  }
  const exists = isBaseAttribute(key) || draft.properties.has(key)
  if (operation.op === 'replace' && !exists) throw apiError('property_missing', { name: key })
  if (operation.op === 'add' && exists && !patch.addOverwrites) throw apiError('property_exists', { name: key })
  setAttribute(draft, key, operation.value)
}

/**
 * Checks the values of a patch by themselves, so that a bad one is refused before anything is told about the image.
 * @throws ApiError `invalid_attribute`
 */
export const checkPatchValues = (patch: Patch): void => {
  const blank = draftOf(newImage('', null, 0))
  for (const operation of patch.operations) {
    if (operation.op !== 'remove' && operation.key !== 'locations') setAttribute(blank, operation.key, operation.value)
  }
}

/** An image that has too much already, by an older limit, can still be changed and made smaller. */
const grows = (before: Image, after: Image): boolean =>
  [...after.properties].some(
    ([key, value]) => (before.properties.get(key) ?? '').length < (value ?? '').length || !before.properties.has(key),
  )

/**
 * The image after a patch: all of its operations in order, or an error and nothing.
 * @throws ApiError of the first operation that cannot be
 */
export const updated = (image: Image, patch: Patch, rules: UpdateRules, now: number): Image => {
  const result = draftOf(image)
  for (const operation of patch.operations) apply(result, operation, patch, rules)
  if (grows(image, result)) checkPropertyQuota(result.properties, rules.limits)
  if (patch.operations.some(({ key }) => key === 'tags')) checkTagQuota(result.tags, rules.limits)
  checkSealKept(image, result)
  const kept = image.owner === result.owner ? result : keepingKey(result)
  return { ...kept, updatedAt: now }
}
