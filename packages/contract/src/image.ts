import Type from 'typebox'
import { nullable, uuidPattern } from './json-schema.ts'
import {
  type ContainerFormat,
  containerFormats,
  type DiskFormat,
  diskFormats,
  imageStatuses,
  visibilities,
} from './words.ts'

/** Largest `min_disk` and `min_ram`: a signed 32-bit integer, as every known database of an image service holds it. */
export const maxRequirement = 2147483647

const readOnlyString = (description: string, options: object = {}) =>
  Type.String({ readOnly: true, description, ...options })

/** The attributes that every image has, in the order of the image schema document. */
export const imageBaseProperties = {
  id: Type.String({ pattern: uuidPattern, description: 'Identifier of the image; chosen by the caller or made here.' }),
  name: nullable<string>('string', { maxLength: 255, description: 'Name for people; not unique.' }),
  status: Type.Enum(imageStatuses, { type: 'string', readOnly: true, description: 'Where the image is in its life.' }),
  visibility: Type.Enum(visibilities, { type: 'string', description: 'Who can see the image.' }),
  protected: Type.Boolean({ description: 'A protected image cannot be deleted.' }),
  os_hidden: Type.Boolean({ description: 'A hidden image is left out of lists unless they ask for it.' }),
  checksum: nullable<string>('string', { readOnly: true, maxLength: 32, description: 'MD5 of the bytes, in hex.' }),
  os_hash_algo: nullable<string>('string', {
    readOnly: true,
    maxLength: 64,
    description: 'Algorithm of os_hash_value.',
  }),
  os_hash_value: nullable<string>('string', {
    readOnly: true,
    maxLength: 128,
    description: 'Digest of the bytes, in hex.',
  }),
  owner: nullable<string>('string', { maxLength: 255, description: 'Project that owns the image.' }),
  size: nullable<number>('integer', { readOnly: true, description: 'Bytes of the image; null until there is data.' }),
  virtual_size: nullable<number>('integer', { readOnly: true, description: 'Bytes of the disk inside the image.' }),
  container_format: Type.Unsafe<ContainerFormat | null>({
    type: ['null', 'string'],
    enum: [null, ...containerFormats],
    description: 'Format of the container around the disk.',
  }),
  disk_format: Type.Unsafe<DiskFormat | null>({
    type: ['null', 'string'],
    enum: [null, ...diskFormats],
    description: 'Format of the disk.',
  }),
  created_at: readOnlyString('When the image was created (UTC).'),
  updated_at: readOnlyString('When the image last changed (UTC).'),
  tags: Type.Array(Type.String({ maxLength: 255 }), { description: 'Short labels.' }),
  direct_url: readOnlyString('Where the bytes are; shown only if the operator allows it.'),
  min_ram: Type.Integer({ description: 'Memory needed to boot the image, in MB.' }),
  min_disk: Type.Integer({ description: 'Disk needed to boot the image, in GB.' }),
  self: readOnlyString('Path of the image.'),
  file: readOnlyString('Path of the bytes.'),
  schema: readOnlyString('Path of the schema of this document.'),
  stores: readOnlyString('Stores that hold the bytes, joined by commas.'),
  locations: Type.Array(
    Type.Object(
      {
        url: Type.String({ maxLength: 255 }),
        metadata: Type.Unsafe<Record<string, unknown>>({ type: 'object' }),
        validation_data: Type.Optional(
          Type.Object(
            {
              checksum: Type.Optional(Type.String({ minLength: 32, maxLength: 32 })),
              os_hash_algo: Type.String({ maxLength: 64 }),
              os_hash_value: Type.String({ maxLength: 128 }),
            },
            { additionalProperties: false, writeOnly: true },
          ),
        ),
      },
      { required: ['url', 'metadata'] },
    ),
    { description: 'Where the bytes are; shown only if the operator allows it.' },
  ),
} as const

const notBase = { is_base: false } as const

/** Custom properties with a type of their own; listed in the image schema with `is_base: false`. */
export const imageTypedProperties = {
  kernel_id: nullable<string>('string', {
    ...notBase,
    pattern: uuidPattern,
    description: 'Image of the kernel of an AMI-style image.',
  }),
  ramdisk_id: nullable<string>('string', {
    ...notBase,
    pattern: uuidPattern,
    description: 'Image of the ramdisk of an AMI-style image.',
  }),
  instance_uuid: Type.String({ ...notBase, description: 'Server that this image is a snapshot of.' }),
  architecture: Type.String({ ...notBase, description: 'Processor architecture, for example x86_64.' }),
  os_distro: Type.String({ ...notBase, description: 'Operating system distribution, for example debian.' }),
  os_version: Type.String({ ...notBase, description: 'Version of the operating system.' }),
  description: Type.String({ ...notBase, description: 'What the image is, for people.' }),
  cinder_encryption_key_id: Type.String({
    ...notBase,
    description: 'Key that the volume in the image is sealed with.',
  }),
  cinder_encryption_key_deletion_policy: Type.Enum(['on_image_deletion', 'do_not_delete'], {
    ...notBase,
    type: 'string',
    description: 'What becomes of the key when the image is deleted.',
  }),
} as const

/** One image as the API shows it. Custom properties stand beside the base attributes as strings. */
export const ImageSchema = Type.Object(
  {
    ...imageBaseProperties,
    direct_url: Type.Optional(imageBaseProperties.direct_url),
    stores: Type.Optional(imageBaseProperties.stores),
    locations: Type.Optional(imageBaseProperties.locations),
  },
  { additionalProperties: Type.Union([Type.String(), Type.Null()]), description: 'An image.' },
)

type BaseImage = Type.Static<typeof ImageSchema>

/** The JSON document of one image. A key that is not named here is a custom property. */
export type ImageDocument = BaseImage & { [property: string]: BaseImage[keyof BaseImage] }

export const ImagesSchema = Type.Object(
  {
    images: Type.Array(ImageSchema),
    first: Type.String(),
    next: Type.Optional(Type.String()),
    schema: Type.String(),
  },
  { description: 'One page of images.' },
)

/** One page of `GET /v2/images`. */
export interface ImagesDocument {
  images: ImageDocument[]
  first: string
  next?: string
  schema: string
}

const creatable = imageBaseProperties

/** What POST images may set; every other key is a custom property with a string value. */
export const ImageCreateSchema = Type.Object(
  {
    id: Type.Optional(creatable.id),
    name: Type.Optional(creatable.name),
    visibility: Type.Optional(creatable.visibility),
    protected: Type.Optional(creatable.protected),
    os_hidden: Type.Optional(creatable.os_hidden),
    owner: Type.Optional(creatable.owner),
    container_format: Type.Optional(creatable.container_format),
    disk_format: Type.Optional(creatable.disk_format),
    min_ram: Type.Optional(Type.Integer({ minimum: 0, maximum: maxRequirement, description: 'Memory in MB.' })),
    min_disk: Type.Optional(Type.Integer({ minimum: 0, maximum: maxRequirement, description: 'Disk in GB.' })),
    tags: Type.Optional(creatable.tags),
  },
  { additionalProperties: Type.String(), description: 'A new image; the bytes follow by PUT file.' },
)
export type ImageCreate = Type.Static<typeof ImageCreateSchema>
