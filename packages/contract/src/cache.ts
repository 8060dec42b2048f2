import Type, { type Static } from 'typebox'

/** A copy of an image on the machine that answers. Instants are seconds since 1970. */
export const CachedImageSchema = Type.Object({
  image_id: Type.String(),
  hits: Type.Integer({ description: 'How often it was read.' }),
  last_accessed: Type.Number(),
  last_modified: Type.Number({ description: 'When it was copied.' }),
  size: Type.Integer({ description: 'Bytes of the copy; of an encrypted image, those of its encrypted form.' }),
})
export type CachedImage = Static<typeof CachedImageSchema>

export const CacheSchema = Type.Object({
  cached_images: Type.Array(CachedImageSchema),
  queued_images: Type.Array(Type.String(), { description: 'Ids of images that wait to be copied.' }),
})
export type CacheDocument = Static<typeof CacheSchema>

export const CachePrunedSchema = Type.Object({
  total_files_pruned: Type.Integer(),
  total_bytes_pruned: Type.Integer(),
})
export type CachePruned = Static<typeof CachePrunedSchema>
