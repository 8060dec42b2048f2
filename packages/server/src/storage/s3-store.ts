import { randomBytes } from 'node:crypto'
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { createPartBuffers, type PartBuffers, partBytesOf } from './part-buffers.ts'
import { type ByteStore, isStoreKey, type StoredKey, StoreError, type StoreFacts, type StoreKey } from './port.ts'
import { createS3Calls, type S3Calls } from './s3-client.ts'
import { abortUpload, findObject, objectsUnder, removeObject, uploadsOf, uploadsUnder } from './s3-objects.ts'
import { S3Reader } from './s3-reader.ts'
import { resumeS3Writer } from './s3-resume.ts'
import type { S3Place } from './s3-setting.ts'
import { ownerOfTail, removeTails } from './s3-tails.ts'
import { startS3Writer } from './s3-writer.ts'

/** Writes, reads and removes a small object; one that a crash leaves is no key, and goes with the next check. */
const probe = ({ client, bucket, attempt }: S3Calls, object: string): Promise<void> =>
  attempt('write and read a probe', async (abortSignal) => {
    const at = { Bucket: bucket, Key: object }
    const text = randomBytes(8).toString('hex')
    await client.send(new PutObjectCommand({ ...at, Body: text }), { abortSignal })
    const { Body: body } = await client.send(new GetObjectCommand(at), { abortSignal })
    if ((await body?.transformToString()) !== text) throw new StoreError('unavailable', 'A store lost a probe.')
    await client.send(new DeleteObjectCommand(at), { abortSignal })
  })

/**
 * Bytes in a bucket: the object `PREFIX/KEY` for each key, an unfinished upload for each unfinished write. Several processes
 * may use one bucket and prefix. The bucket must be there, and keep no older versions of objects.
 *
 * @param name as it stands in the configuration
 */
export const openS3Store = (
  name: string,
  place: S3Place,
  { description, weight = 0 }: Partial<Pick<StoreFacts, 'description' | 'weight'>> = {},
  buffers: PartBuffers = createPartBuffers(),
): ByteStore => {
  const { bucket, prefix, endpoint, region } = place
  const calls = createS3Calls(name, place)
  // Stores on one prefix check themselves at the same time.
  const probeName = `${prefix}.probe-${randomBytes(8).toString('hex')}`

  const objectOf = (key: StoreKey): string => {
    if (!isStoreKey(key)) throw new TypeError('A store key is 32 lower-case hex digits.')
    return `${prefix}${key}`
  }

  const keyOf = (object: string | undefined): StoreKey | undefined => {
    const key = object?.slice(prefix.length)
    return key !== undefined && isStoreKey(key) ? key : undefined
  }

  return {
    name,
    type: 's3',
    description,
    weight,
    isRemote: true,
    properties: {
      s3_store_host: endpoint ?? `https://s3.${region}.amazonaws.com`,
      s3_store_bucket: bucket,
      s3_store_prefix: prefix,
      s3_store_large_object_chunk_size: Math.floor((partBytesOf(0) ?? 0) / 1024 ** 2),
    },
    urlOf: (key) => `s3://${bucket}/${objectOf(key)}`,

    write: async (key) => {
      const object = objectOf(key)
      if ((await findObject(calls, object)) !== undefined)
        throw new StoreError('unavailable', 'The key is stored already.')
      return startS3Writer(calls, object, buffers)
    },

    resume: async (key, sizeBytes) => resumeS3Writer(calls, objectOf(key), buffers, sizeBytes),

    open: async (key) => {
      const object = objectOf(key)
      const found = await findObject(calls, object)
      if (found === undefined) return undefined
      const { ContentLength: sizeBytes, ETag: eTag } = found
      if (sizeBytes === undefined) throw new StoreError('unavailable', 'A store told no size of an object.')
      return new S3Reader(calls, { key: object, sizeBytes, eTag })
    },

    remove: async (key) => {
      const object = objectOf(key)
      for (const uploadId of await uploadsOf(calls, object)) await abortUpload(calls, object, uploadId)
      await removeObject(calls, object)
      await removeTails(calls, object)
    },

    keys: async function* (): AsyncIterable<StoredKey> {
      const unfinished = new Set<StoreKey>()
      for await (const { Key: object, Initiated: modifiedAt } of uploadsUnder(calls, prefix)) {
        const key = keyOf(object)
        if (key === undefined || modifiedAt === undefined) continue
        unfinished.add(key)
        yield { key, state: 'unfinished', modifiedAt }
      }
      for await (const { Key: object = '', LastModified: modifiedAt } of objectsUnder(calls, prefix)) {
        const key = keyOf(object)
        if (key !== undefined && modifiedAt !== undefined) yield { key, state: 'stored', modifiedAt }
        const owner = keyOf(ownerOfTail(object))
        if (owner === undefined || modifiedAt === undefined || unfinished.has(owner)) continue
        unfinished.add(owner)
        yield { key: owner, state: 'unfinished', modifiedAt }
      }
    },

    check: () => probe(calls, probeName),
  }
}
