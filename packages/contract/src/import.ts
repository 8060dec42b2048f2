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
  all_stores_must_succeed: Type.Optional(
    Type.Boolean({ description: 'Whether the import fails when one store does; true by default.' }),
  ),
})
export type ImportDocument = Static<typeof ImportSchema>

/** The form of ids of images. */
export const isUuid = (text: string): boolean => new RegExp(uuidPattern).test(text)
