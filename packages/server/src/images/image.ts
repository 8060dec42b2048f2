import type { ContainerFormat, DiskFormat, ImageDocument, ImageStatus, Visibility } from '@vitrine/contract'
import type { ImagesTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import { encryptionOf } from './encryption.ts'

/** One copy of the bytes of an image: in which store, and under which key there. */
export interface Location {
  readonly store: string
  readonly key: string
}

/** An image as the rules see it. Instants are milliseconds since 1970 (UTC). */
export interface Image {
  readonly id: string
  readonly name: string | null
  readonly status: ImageStatus
  readonly visibility: Visibility
  readonly owner: string | null
  readonly protected: boolean
  readonly hidden: boolean
  readonly diskFormat: DiskFormat | null
  readonly containerFormat: ContainerFormat | null
  readonly minDisk: number
  readonly minRam: number
  readonly sizeBytes: number | null
  readonly virtualSizeBytes: number | null
  readonly checksum: string | null
  readonly hashAlgorithm: string | null
  readonly hashValue: string | null
  /** Sorted, no duplicates. */
  readonly tags: readonly string[]
  readonly properties: ReadonlyMap<string, string | null>
  /** Where the bytes are, the first that were stored before the others. Empty: it has none. */
  readonly locations: readonly Location[]
  /** The key of the project that its bytes are sealed under, or will be when they arrive. */
  readonly sealedUnder: string | null
  /** What an encrypted disk inside turned out to be. */
  readonly encryptedContent: 'luks' | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** An image that is being made or changed. */
export type Draft = { -readonly [Key in Exclude<keyof Image, 'properties'>]: Image[Key] } & {
  readonly properties: Map<string, string | null>
}

export const draftOf = (image: Image): Draft => ({ ...image, properties: new Map(image.properties) })

/** Tags in the one order they are shown in, each once. */
export const sortedTags = (tags: Iterable<string>): string[] => [...new Set(tags)].sort()

/** The names of the stores that hold an image, as the API writes them. */
export const storesOf = ({ locations }: Pick<Image, 'locations'>): string =>
  locations.map(({ store }) => store).join(',')

/** The copies of an image as its row names them. */
export const locationsOf = ({ locations }: Pick<ImagesTable, 'locations'>): readonly Location[] =>
  locations === null ? [] : JSON.parse(locations)

/** The JSON document of an image, as everyone who may see it sees it (`documentFor`). */
export const imageDocument = (image: Image): ImageDocument => ({
  ...Object.fromEntries(image.properties),
  id: image.id,
  name: image.name,
  status: image.status,
  visibility: image.visibility,
  owner: image.owner,
  protected: image.protected,
  os_hidden: image.hidden,
  disk_format: image.diskFormat,
  container_format: image.containerFormat,
  min_disk: image.minDisk,
  min_ram: image.minRam,
  size: image.sizeBytes,
  virtual_size: image.virtualSizeBytes,
  checksum: image.checksum,
  os_hash_algo: image.hashAlgorithm,
  os_hash_value: image.hashValue,
  tags: [...image.tags],
  created_at: wireDate(image.createdAt),
  updated_at: wireDate(image.updatedAt),
  self: `/v2/images/${image.id}`,
  file: `/v2/images/${image.id}/file`,
  schema: '/v2/schemas/image',
  ...(image.locations.length > 0 && image.status !== 'deactivated' ? { stores: storesOf(image) } : {}),
})

export const toRow = (image: Image): ImagesTable => {
  const encryption = encryptionOf(image)
  return {
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    owner: image.owner,
    protected: image.protected ? 1 : 0,
    os_hidden: image.hidden ? 1 : 0,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    size_bytes: image.sizeBytes,
    virtual_size_bytes: image.virtualSizeBytes,
    checksum: image.checksum,
    os_hash_algo: image.hashAlgorithm,
    os_hash_value: image.hashValue,
    tags: JSON.stringify(image.tags),
    properties: JSON.stringify([...image.properties]),
    locations: image.locations.length > 0 ? JSON.stringify(image.locations) : null,
    stores: image.locations.length > 0 ? storesOf(image) : null,
    encryption: encryption?.kind ?? null,
    key_id: encryption?.keyId ?? null,
    encrypted_content: image.encryptedContent,
    created_at: image.createdAt,
    updated_at: image.updatedAt,
    document: JSON.stringify(imageDocument(image)),
  }
}

export const fromRow = (row: ImagesTable): Image => ({
  id: row.id,
  name: row.name,
  status: row.status,
  visibility: row.visibility,
  owner: row.owner,
  protected: row.protected === 1,
  hidden: row.os_hidden === 1,
  diskFormat: row.disk_format,
  containerFormat: row.container_format,
  minDisk: row.min_disk,
  minRam: row.min_ram,
  sizeBytes: row.size_bytes,
  virtualSizeBytes: row.virtual_size_bytes,
  checksum: row.checksum,
  hashAlgorithm: row.os_hash_algo,
  hashValue: row.os_hash_value,
  tags: JSON.parse(row.tags),
  properties: new Map(JSON.parse(row.properties)),
  locations: locationsOf(row),
  sealedUnder: row.encryption === 'sealed' ? row.key_id : null,
  encryptedContent: row.encrypted_content,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})
