import { imageBaseProperties, imageTypedProperties, maxRequirement } from '@vitrine/contract'
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import { whyNotExpected } from './expected.ts'
import { type Draft, sortedTags } from './image.ts'
import { checkStorable } from './text.ts'

/** Longest value of a custom property, in characters. */
const valueLimit = 65_535
const keyLimit = 255

const readOnly: ReadonlySet<string> = new Set([
  'id',
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'stores',
])

const reserved: ReadonlySet<string> = new Set(['location', 'deleted', 'deleted_at'])

/** Attributes of every image, which cannot be removed. */
export const isBaseAttribute = (key: string): boolean => Object.hasOwn(imageBaseProperties, key)

/**
 * Refuses names that no client may set.
 * @throws ApiError `read_only`, `reserved`
 */
export const checkSettable = (key: string): void => {
  if (readOnly.has(key)) throw apiError('read_only', { name: key })
  if (reserved.has(key) || key.startsWith('os_glance')) throw apiError('reserved', { name: key })
}

const checkTexts = (key: string, value: unknown): void => {
  if (typeof value === 'string') checkStorable(key, value)
  if (Array.isArray(value)) for (const one of value) checkTexts(key, one)
}

type Set = (draft: Draft, key: string, value: unknown) => void

/** A way to set one attribute that lets only values of its schema through. */
const settable = <Schema extends TSchema>(schema: Schema, set: (draft: Draft, value: Static<Schema>) => void): Set => {
  const validator = Compile(schema)
  return (draft, key, value) => {
    if (!validator.Check(value)) {
      const [first] = validator.Errors(value)
      const why = `${first?.instancePath ?? ''} ${first?.message ?? ''}`.trim()
      throw apiError('invalid_attribute', { name: key, why })
    }
    checkTexts(key, value)
    set(draft, value)
  }
}

const requirement = Type.Integer({ minimum: 0, maximum: maxRequirement })
const { name, visibility, owner, os_hidden, disk_format, container_format, tags } = imageBaseProperties

const base: Readonly<Record<string, Set>> = {
  name: settable(name, (draft, value) => {
    draft.name = value
  }),
  visibility: settable(visibility, (draft, value) => {
    draft.visibility = value
  }),
  owner: settable(owner, (draft, value) => {
    draft.owner = value
  }),
  protected: settable(imageBaseProperties.protected, (draft, value) => {
    draft.protected = value
  }),
  os_hidden: settable(os_hidden, (draft, value) => {
    draft.hidden = value
  }),
  disk_format: settable(disk_format, (draft, value) => {
    draft.diskFormat = value
  }),
  container_format: settable(container_format, (draft, value) => {
    draft.containerFormat = value
  }),
  min_disk: settable(requirement, (draft, value) => {
    draft.minDisk = value
  }),
  min_ram: settable(requirement, (draft, value) => {
    draft.minRam = value
  }),
  tags: settable(tags, (draft, value) => {
    draft.tags = sortedTags(value)
  }),
}

const typed: Readonly<Record<string, Set>> = Object.fromEntries(
  Object.entries(imageTypedProperties).map(([key, schema]) => [
    key,
    settable(schema, (draft, value) => {
      draft.properties.set(key, value)
    }),
  ]),
)

const setCustom: Set = (draft, key, value) => {
  const refuse = (why: string) => apiError('invalid_attribute', { name: key.slice(0, 64), why })
  if (key === '') throw refuse('its name is empty')
  if (key.length > keyLimit) throw refuse(`its name is longer than ${keyLimit} characters`)
  if (typeof value !== 'string') throw refuse('the value of a custom property must be a string')
  if (value.length > valueLimit) throw refuse(`its value is longer than ${valueLimit} characters`)
  const why = whyNotExpected(key, value)
  if (why !== undefined) throw refuse(why)
  checkStorable(key, key)
  checkStorable(key, value)
  draft.properties.set(key, value)
}

/**
 * Sets one attribute or custom property, whichever call sets it.
 * @throws ApiError `invalid_attribute` when the value is not one that the attribute can have
 */
export const setAttribute: Set = (draft, key, value) => {
  const set = Object.hasOwn(base, key) ? base[key] : Object.hasOwn(typed, key) ? typed[key] : setCustom
  ;(set ?? setCustom)(draft, key, value)
}

/** @throws ApiError `property_quota`, `property_size_quota`; properties that the service itself keeps do not count */
export const checkPropertyQuota = (properties: ReadonlyMap<string, string | null>, limits: Limits): void => {
  let characters = 0
  for (const [key, value] of properties) characters += key.length + (value?.length ?? 0)
  const most = limits.property_characters_per_image
  if (characters > most) throw apiError('property_size_quota', { limit: most, used: characters })
  const limit = limits.properties_per_image
  const used = [...properties.keys()].filter((key) => !key.startsWith('os_glance')).length
  if (limit >= 0 && used > limit) throw apiError('property_quota', { limit, used })
}

/** @throws ApiError `tag_quota` */
export const checkTagQuota = (given: readonly string[], limits: Limits): void => {
  const limit = limits.tags_per_image
  if (limit >= 0 && given.length > limit) throw apiError('tag_quota', { limit, used: given.length })
}
