import Type, { type Static } from 'typebox'
import { uuidPattern } from './json-schema.ts'

/**
 * What POST import takes. Other keys are let through, as the API does.
 * Source: https://docs.openstack.org/api-ref/image/v2/#import-an-image
 */
export const ImportSchema = Type.Object({
  method: Type.Object({
    name: Type.String({
      description: 'How the bytes come: glance-direct, web-download, glance-download or copy-image.',
    }),
    uri: Type.Optional(Type.String({ description: 'web-download: where the bytes are.' })),
    glance_region: Type.Optional(Type.String({ description: 'glance-download: the region that has the image.' })),
    glance_image_id: Type.Optional(Type.String({ description: 'glance-download: the image there.' })),
    glance_service_interface: Type.Optional(Type.String({ description: 'glance-download: taken and not used.' })),
  }),
  stores: Type.Optional(Type.Array(Type.String(), { description: 'Stores that the bytes shall be in.' })),
  all_stores: Type.Optional(Type.Boolean({ description: 'All stores, instead of naming them.' })),
  expected: Type.Optional(
    Type.Object(
      {
        size: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes.' })),
        os_hash_algo: Type.Optional(Type.String({ description: 'sha512, sha256, sha1 or md5.' })),
        os_hash_value: Type.Optional(Type.String({ description: 'The digest in hex.' })),
      },
      {
        additionalProperties: false,
        description: 'What the bytes must turn out to be; else the import fails (extension).',
      },
    ),
  ),
  all_stores_must_succeed: Type.Optional(
    Type.Boolean({ description: 'Whether the import fails when one store does; true by default.' }),
  ),
})
export type ImportDocument = Static<typeof ImportSchema>

/** The form of ids of images. */
export const isUuid = (text: string): boolean => new RegExp(uuidPattern).test(text)
