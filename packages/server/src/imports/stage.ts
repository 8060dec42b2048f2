import type { Readable } from 'node:stream'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { type Door, type Write, writeBytes } from '../data/attempt.ts'
import { stageBlob } from '../data/blobs.ts'
import { backToQueued } from '../data/queued.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { fromRow } from '../images/image.ts'
import { updateImage } from '../images/queries.ts'
import { createRecordingCheck } from '../inspect/check.ts'
import type { Service } from '../service.ts'
import { signatureText } from '../signatures/signature.ts'
import { writeStaged } from './staged.ts'

/** A queued image is uploading while the bytes arrive, and stays so until they are imported. */
const stageDoor = (service: Service, actor: Actor, cause: Cause, imageId: string): Door => {
  const check = createRecordingCheck()
  let signature = ''
  return {
    state: 'staging',
    claim: (found) => {
      const before = fromRow(entitled(actor, 'image.change', { image: imageId }, found).row)
      if (before.status !== 'queued') throw apiError('image_not_queued', { status: before.status })
      signature = signatureText(before)
      return { before, after: { ...before, status: 'uploading', updatedAt: cause.at } }
    },
    check: () => check,
    keep: async (tx, image, bytes, { key }) => {
      const finding = check.finding()
      if (finding === undefined) throw new Error('Staged bytes were not looked at.')
      if (!(await stageBlob(tx, key, bytes.sizeBytes, writeStaged(bytes, finding, signature)))) return false
      const at = service.now()
      await updateImage(tx, image, { ...image, sizeBytes: bytes.sizeBytes, updatedAt: at })
      const detail = { size: bytes.sizeBytes }
      const staged = { type: 'image.stage', imageId, ownerId: image.owner, audience: 'owner', detail } as const
      await recordEvent(tx, { ...cause, at }, staged)
      return true
    },
    release: (tx, image, why) => backToQueued(tx, { ...cause, at: service.now() }, image, 'image.upload_failed', why),
  }
}

/** What a staging is called with. */
export interface StageRequest extends Pick<Write, 'imageId' | 'expected' | 'sealingOf' | 'token'> {
  readonly source: Readable
  readonly announcedBytes: number | undefined
}

/**
 * Takes bytes that wait for their import: hashed, looked at, and sealed if the image is to be, in the default store already.
 * @throws ApiError
 */
export const stage = (service: Service, actor: Actor, cause: Cause, request: StageRequest): Promise<void> => {
  const { source, announcedBytes, ...rest } = request
  const door = stageDoor(service, actor, cause, request.imageId)
  const store = service.stores.byDefault
  return writeBytes(service, cause, door, { ...rest, store, open: () => ({ stream: source, announcedBytes }) })
}
