import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3'
import type { S3Calls } from './s3-client.ts'
import { isMissing, isUploadGone } from './s3-errors.ts'

/** Uploads that are neither finished nor aborted, of all objects that begin so. */
export async function* uploadsUnder({ client, bucket, attempt }: S3Calls, prefix: string) {
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

/** The ids of the unfinished uploads of one object. */
export const uploadsOf = async (calls: S3Calls, object: string): Promise<string[]> => {
  const ids: string[] = []
  for await (const { Key: of, UploadId: id } of uploadsUnder(calls, object)) {
    if (of === object && id !== undefined) ids.push(id)
  }
  return ids
}

export async function* objectsUnder({ client, bucket, attempt }: S3Calls, prefix: string) {
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

/** A missing object means nothing as long as the bucket itself is there. */
export const findObject = (
  { client, bucket, attempt }: S3Calls,
  object: string,
): Promise<HeadObjectCommandOutput | undefined> =>
  attempt('open an object', async (abortSignal) => {
    try {
      return await client.send(new HeadObjectCommand({ Bucket: bucket, Key: object }), { abortSignal })
    } catch (error) {
      if (!isMissing(error)) throw error
      await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal })
      return undefined
    }
  })

export const removeObject = async ({ client, bucket, attempt }: S3Calls, object: string): Promise<void> => {
  await attempt('remove an object', (abortSignal) =>
    client.send(new DeleteObjectCommand({ Bucket: bucket, Key: object }), { abortSignal }),
  )
}

/** Aborts an upload; one that is gone is no fault. */
export const abortUpload = ({ client, bucket, attempt }: S3Calls, object: string, uploadId: string): Promise<void> =>
  attempt('remove an object', async (abortSignal) => {
    try {
      const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: object, UploadId: uploadId })
      await client.send(command, { abortSignal })
    } catch (error) {
      if (!isUploadGone(error)) throw error
    }
  })
