import { PutObjectCommand } from '@aws-sdk/client-s3'
import { StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'
import { patienceFor } from './s3-multipart.ts'
import { findObject, objectsUnder, removeObject } from './s3-objects.ts'
import { S3Reader } from './s3-reader.ts'

/**
 * A tail is what an upload that was left has of a part that is not whole yet: an object of its own, one for each part that an
 * upload was left in. It is replaced by longer ones of the same part only, and stays until it is known where the upload stands:
 * so the bytes before that place can always be found again.
 */
const tailsOf = (object: string): string => `${object}.tail-`

/** The object that a tail belongs to. */
export const ownerOfTail = (name: string): string | undefined => /^(.*)\.tail-\d+$/s.exec(name)?.[1]

export const writeTail = async (calls: S3Calls, object: string, part: number, bytes: Uint8Array): Promise<void> => {
  const { client, bucket, attempt } = calls
  await attempt(
    'write',
    (abortSignal) =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: `${tailsOf(object)}${part}`, Body: bytes }), {
        abortSignal,
      }),
    patienceFor(calls, bytes.byteLength),
  )
}

/** Fills `into` with the beginning of a tail. @throws StoreError `damaged` when there is less */
export const readTail = async (calls: S3Calls, object: string, part: number, into: Uint8Array): Promise<void> => {
  const key = `${tailsOf(object)}${part}`
  const found = await findObject(calls, key)
  const sizeBytes = found?.ContentLength ?? 0
  if (sizeBytes < into.byteLength) {
    throw new StoreError('damaged', `${sizeBytes} bytes of an unfinished part are there, not ${into.byteLength}.`)
  }
  const reader = new S3Reader(calls, { key, sizeBytes, eTag: found?.ETag })
  try {
    await reader.read(into, 0)
  } finally {
    await reader.close()
  }
}

/** @param keptPart whose tail stays */
export const removeTails = async (calls: S3Calls, object: string, keptPart?: number): Promise<void> => {
  const prefix = tailsOf(object)
  for await (const { Key: name } of objectsUnder(calls, prefix)) {
    if (name !== undefined && name !== `${prefix}${keptPart}`) await removeObject(calls, name)
  }
}
