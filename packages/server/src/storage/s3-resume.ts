import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { bytesOfParts, type PartBuffers, partBytesOf, wholePartsIn } from './part-buffers.ts'
import { type ResumableWriter, StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'
import { findMultipart, type S3Multipart, startMultipart } from './s3-multipart.ts'
import { abortUpload, findObject, removeObject, uploadsOf } from './s3-objects.ts'
import { S3Reader } from './s3-reader.ts'
import { readTail, removeTails, writeTail } from './s3-tails.ts'
import { S3Writer } from './s3-writer.ts'
import { createTurns } from './turns.ts'

const copiesAtOnce = 8

/** Finds the upload in parts that has most of the parts. The others that may be there go. */
const takeUp = async (calls: S3Calls, object: string, sizeBytes: number): Promise<S3Multipart> => {
  const { parts } = wholePartsIn(sizeBytes)
  const found: S3Multipart[] = []
  for (const uploadId of await uploadsOf(calls, object)) {
    found.push(await findMultipart({ calls, object, uploadId }, parts))
  }
  const [most, ...others] = found.toSorted((one, other) => other.arrived() - one.arrived())
  if (most === undefined && sizeBytes > 0) throw new StoreError('damaged', 'An unfinished write is gone.')
  for (const { uploadId } of others) await abortUpload(calls, object, uploadId)
  return most ?? startMultipart(calls, object)
}

/** Makes the first bytes of an object that nobody has used yet an upload in parts again. The object goes last. */
const takeBack = async (
  calls: S3Calls,
  object: string,
  stored: HeadObjectCommandOutput,
  sizeBytes: number,
): Promise<S3Multipart> => {
  const storedBytes = stored.ContentLength ?? 0
  if (storedBytes < sizeBytes)
    throw new StoreError('damaged', `${storedBytes} bytes of an unfinished write are there, not ${sizeBytes}.`)
  for (const uploadId of await uploadsOf(calls, object)) await abortUpload(calls, object, uploadId)
  const multipart = await startMultipart(calls, object)
  const whole = wholePartsIn(sizeBytes)
  const turns = createTurns(copiesAtOnce)
  const copies = Array.from({ length: whole.parts }, (_, part) =>
    turns.run(() => multipart.copy(part, bytesOfParts(part), partBytesOf(part) ?? 0)),
  )
  await Promise.all(copies)
  if (sizeBytes > whole.bytes) {
    const tail = Buffer.allocUnsafeSlow(sizeBytes - whole.bytes)
    const reader = new S3Reader(calls, { key: object, sizeBytes: storedBytes, eTag: stored.ETag })
    await reader.read(tail, whole.bytes)
    await reader.close()
    await writeTail(calls, object, whole.parts, tail)
  }
  await removeObject(calls, object)
  return multipart
}

/**
 * Goes on with a write whose first bytes are known: those of whole parts are in an upload in parts, and what follows these in
 * a tail. Everything else goes, or is overwritten.
 * @throws StoreError `damaged` when the bytes are not there
 */
export const resumeS3Writer = async (
  calls: S3Calls,
  object: string,
  buffers: PartBuffers,
  sizeBytes: number,
): Promise<ResumableWriter> => {
  const stored = await findObject(calls, object)
  const multipart =
    stored === undefined ? await takeUp(calls, object, sizeBytes) : await takeBack(calls, object, stored, sizeBytes)
  const { parts, bytes } = wholePartsIn(sizeBytes)
  const tailBytes = sizeBytes - bytes
  if (multipart.arrived() < parts) throw new StoreError('damaged', 'Parts of an unfinished write are gone.')
  const writer = new S3Writer({ calls, object, buffers, multipart }, { parts, bytes })
  try {
    if (tailBytes > 0) await writer.load(tailBytes, (into) => readTail(calls, object, parts, into))
    await removeTails(calls, object, tailBytes > 0 ? parts : undefined)
  } catch (error) {
    await writer.release()
    throw error
  }
  return writer
}
