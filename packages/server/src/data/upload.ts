import type { Readable } from 'node:stream'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { fromRow, type Image } from '../images/image.ts'
import { updateImage } from '../images/queries.ts'
import { checkUploadable } from '../images/status.ts'
import { type ContentCheckOptions, createContentCheck } from '../inspect/check.ts'
import type { Declared } from '../inspect/rules.ts'
import type { Service } from '../service.ts'
import { signatureOf } from '../signatures/signature.ts'
import type { ByteStore } from '../storage/port.ts'
import { type Door, type Write, writeBytes } from './attempt.ts'
import { keepBlob } from './blobs.ts'
import type { ContentCheck } from './content-check.ts'
import { backToQueued } from './queued.ts'
import { withData } from './rules.ts'

/** What an upload is called with. */
export interface UploadRequest extends Pick<Write, 'imageId' | 'expected' | 'sealingOf' | 'token'> {
  readonly store: ByteStore
  readonly source: Readable
  readonly announcedBytes: number | undefined
}

/** Looks at bytes as those of an image whose formats are known. */
export const contentCheckOf = (service: Service, { diskFormat, containerFormat }: Image): ContentCheck | undefined =>
  diskFormat === null || containerFormat === null
    ? undefined
    : createContentCheck({ diskFormat, containerFormat, ...checkRules(service) })

/** What the settings say about content. */
export const checkRules = ({ formatCheck, limits }: Service): Omit<ContentCheckOptions, keyof Declared> => ({
  enforce: formatCheck,
  virtualSizeLimitBytes: limits.virtual_size_bytes,
})

/** A queued image is saving while the bytes arrive, and active once they are there. */
export const uploadDoor = (service: Service, actor: Actor, cause: Cause, imageId: string): Door => ({
  state: 'writing',
  claim: (found) => {
    const before = fromRow(entitled(actor, 'image.change', { image: imageId }, found).row)
    checkUploadable(before)
    return { before, after: { ...before, status: 'saving', updatedAt: cause.at } }
  },
  check: (image) => contentCheckOf(service, image),
  keep: async (tx, image, bytes, location) => {
    if (!(await keepBlob(tx, location.key, bytes.sizeBytes))) return false
    const at = service.now()
    await updateImage(tx, image, { ...withData(image, bytes, at), status: 'active', locations: [location] })
    const { sizeBytes, checksum, hashAlgorithm, hashValue } = bytes
    const signature = signatureOf(image)
    const detail = {
      size: sizeBytes,
      checksum,
      os_hash_algo: hashAlgorithm,
      os_hash_value: hashValue,
      ...(signature === undefined ? {} : { signed_by: signature.certificateId }),
    }
    await recordEvent(tx, { ...cause, at }, { type: 'image.upload', imageId, ownerId: image.owner, detail })
    return true
  },
  release: (tx, image, why) => backToQueued(tx, { ...cause, at: service.now() }, image, 'image.upload_failed', why),
})

/**
 * Takes the bytes of an image, which is active and durable when this resolves. Whatever goes wrong, the image is queued
 * again (or gone, if it was deleted meanwhile) and no byte of the attempt stays.
 * @throws ApiError
 */
export const upload = (service: Service, actor: Actor, cause: Cause, request: UploadRequest): Promise<void> => {
  const { imageId, source, announcedBytes, ...rest } = request
  const door = uploadDoor(service, actor, cause, imageId)
  return writeBytes(service, cause, door, { ...rest, imageId, open: () => ({ stream: source, announcedBytes }) })
}
