import type { ImageCreate, imageBaseProperties } from '@vitrine/contract'
import type { JsonValue } from './json.ts'

type BaseAttribute = keyof typeof imageBaseProperties

/** `os_hidden` -> `osHidden` */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

/** Both spellings of the same attributes. */
type EitherSpelling<T> = T & { [Name in keyof T & string as CamelCase<Name>]: T[Name] }

export type OrUndefined<T> = { [Name in keyof T]?: T[Name] | undefined }

/**
 * Attributes to set. Base attributes may be written as on the wire (`disk_format`) or in camel case (`diskFormat`); any
 * other name is a custom property and is kept as it is.
 */
export type ImageAttributes = OrUndefined<EitherSpelling<Partial<ImageCreate>>> & {
  [property: string]: JsonValue | undefined
}

/** The attributes that every image has, on any cloud; the value tells whether the service alone sets it. */
const baseAttributes: Readonly<Record<BaseAttribute, { readOnly: boolean }>> = {
  id: { readOnly: true },
  name: { readOnly: false },
  status: { readOnly: true },
  visibility: { readOnly: false },
  protected: { readOnly: false },
  os_hidden: { readOnly: false },
  checksum: { readOnly: true },
  os_hash_algo: { readOnly: true },
  os_hash_value: { readOnly: true },
  owner: { readOnly: false },
  size: { readOnly: true },
  virtual_size: { readOnly: true },
  container_format: { readOnly: false },
  disk_format: { readOnly: false },
  created_at: { readOnly: true },
  updated_at: { readOnly: true },
  tags: { readOnly: false },
  direct_url: { readOnly: true },
  min_ram: { readOnly: false },
  min_disk: { readOnly: false },
  self: { readOnly: true },
  file: { readOnly: true },
  schema: { readOnly: true },
  stores: { readOnly: true },
  locations: { readOnly: false },
}

export const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const wireNames = new Map(
  // Those of queries stand beside the attributes, so that one spelling rule holds everywhere.
  [...Object.keys(baseAttributes), 'member_status', 'size_min', 'size_max', 'sort_key', 'sort_dir'].map((name) => [
    camelCase(name),
    name,
  ]),
)

/** The name on the wire of an attribute or parameter in either spelling; names of custom properties stay as they are. */
export const wireName = (name: string): string => wireNames.get(name) ?? name

export const isBaseAttribute = (name: string): boolean => Object.hasOwn(baseAttributes, name)

/** Attributes under their wire names; those that are undefined are left out. */
export const wireAttributes = (attributes: ImageAttributes): [name: string, value: JsonValue][] =>
  Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[wireName(name), value]]))
