import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { createPartBuffers, type PartBuffers, partBytesOf } from './part-buffers.ts'
import { type ByteStore, isStoreKey, type StoredKey, StoreError, type StoreFacts, type StoreKey } from './port.ts'
import { createS3Calls, type S3Calls } from './s3-client.ts'
import { isMissing, isUploadGone } from './s3-errors.ts'
import { S3Reader } from './s3-reader.ts'
import type { S3Place } from './s3-setting.ts'
import { startS3Writer } from './s3-writer.ts'

/** Uploads that are neither finished nor aborted, of all objects that begin so. */
async function* uploadsUnder({ client, bucket, attempt }: S3Calls, prefix: string) {
  let after: Pick<ListMultipartUploadsCommandOutput, 'NextKeyMarker' | 'NextUploadIdMarker'> = {}
  for (;;) {
    const page: ListMultipartUploadsCommandOutput = await attempt('list its objects', (abortSignal) =>
      client.send(
        new ListMultipartUploadsCommand({
          Bucket: bucket,
          Prefix: prefix,
          KeyMarker: after.NextKeyMarker,
          UploadIdMarker: after.NextUploadIdMarker,
        }),
        { abortSignal },
      ),
    )
    yield* page.Uploads ?? []
    if (page.IsTruncated !== true) return
    after = page
  }
}

async function* objectsUnder({ client, bucket, attempt }: S3Calls, prefix: string) {
  let after: string | undefined
  for (;;) {
    const page: ListObjectsV2CommandOutput = await attempt('list its objects', (abortSignal) =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: after }), {
        abortSignal,
      }),
    )
    yield* page.Contents ?? []
    if (page.IsTruncated !== true) return
    after = page.NextContinuationToken
  }
}

const abortUpload = ({ client, bucket, attempt }: S3Calls, object: string, uploadId: string): Promise<void> =>
  attempt('remove an object', async (abortSignal) => {
    try {
      const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: object, UploadId: uploadId })
      await client.send(command, { abortSignal })
    } catch (error) {
      if (!isUploadGone(error)) throw error
    }
  })

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
  const { client, attempt } = calls
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

  /** A missing object means nothing as long as the bucket itself is there. */
  const find = (object: string) =>
    attempt('open an object', async (abortSignal) => {
      try {
        return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: object }), { abortSignal })
      } catch (error) {
        if (!isMissing(error)) throw error
        await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal })
        return undefined
      }
    })

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
      s3_store_large_object_chunk_size: (partBytesOf(0) ?? 0) / 1024 ** 2,
    },
    urlOf: (key) => `s3://${bucket}/${objectOf(key)}`,

    write: async (key) => {
      const object = objectOf(key)
      if ((await find(object)) !== undefined) throw new StoreError('unavailable', 'The key is stored already.')
      return startS3Writer(calls, object, buffers)
    },

    open: async (key) => {
      const object = objectOf(key)
      const found = await find(object)
      if (found === undefined) return undefined
      const { ContentLength: sizeBytes, ETag: eTag } = found
      if (sizeBytes === undefined) throw new StoreError('unavailable', 'A store told no size of an object.')
      return new S3Reader(name, calls, { key: object, sizeBytes, eTag })
    },

    remove: async (key) => {
      const object = objectOf(key)
      for await (const { Key: of, UploadId: uploadId } of uploadsUnder(calls, object)) {
        if (of === object && uploadId !== undefined) await abortUpload(calls, object, uploadId)
      }
      await attempt('remove an object', (abortSignal) =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: object }), { abortSignal }),
      )
    },

    keys: async function* (): AsyncIterable<StoredKey> {
      for await (const { Key: object, Initiated: modifiedAt } of uploadsUnder(calls, prefix)) {
        const key = keyOf(object)
        if (key !== undefined && modifiedAt !== undefined) yield { key, state: 'unfinished', modifiedAt }
      }
      for await (const { Key: object, LastModified: modifiedAt } of objectsUnder(calls, prefix)) {
        const key = keyOf(object)
        if (key !== undefined && modifiedAt !== undefined) yield { key, state: 'stored', modifiedAt }
      }
    },

    check: () => probe(calls, probeName),
  }
}
