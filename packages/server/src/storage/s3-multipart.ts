import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  type ListPartsCommandOutput,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { partBytesOf } from './part-buffers.ts'
import { StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'
import { isMissing, isUploadGone } from './s3-errors.ts'

/** The slowest that a part may travel before it counts as stuck. */
const leastBytesPerSecond = 512 * 1024
/** Some stores put the parts of a large object together only now. */
const finishPatience = 10
const mark = 'vitrine-write'

/** The longest that so many bytes may take on their way. */
export const patienceFor = ({ patienceMs }: S3Calls, bytes: number): number =>
  patienceMs + (bytes / leastBytesPerSecond) * 1000

interface Place {
  readonly calls: S3Calls
  readonly object: string
  readonly uploadId: string
}

/** Starts an upload in parts, which is seen as unfinished from now on. @throws StoreError */
export const startMultipart = async (calls: S3Calls, object: string): Promise<S3Multipart> => {
  const writeId = randomBytes(16).toString('hex')
  const { UploadId: uploadId } = await calls.attempt('start a write', (abortSignal) =>
    calls.client.send(
      new CreateMultipartUploadCommand({
        Bucket: calls.bucket,
        Key: object,
        ContentType: 'application/octet-stream',
        Metadata: { [mark]: writeId },
      }),
      { abortSignal },
    ),
  )
  if (uploadId === undefined) throw new StoreError('unavailable', 'A store started a write without an id.')
  return new S3Multipart({ calls, object, uploadId }, writeId, [])
}

/** The whole parts that have arrived of an upload, from the first on and without a gap; at most `partsMax`. */
const wholePartsOf = async ({ calls, object, uploadId }: Place, partsMax: number): Promise<string[]> => {
  const eTags: string[] = []
  let after: string | undefined
  for (;;) {
    const page: ListPartsCommandOutput = await calls.attempt('list the parts of a write', (abortSignal) =>
      calls.client.send(
        new ListPartsCommand({ Bucket: calls.bucket, Key: object, UploadId: uploadId, PartNumberMarker: after }),
        { abortSignal },
      ),
    )
    for (const { PartNumber: number, Size: size, ETag: eTag } of page.Parts ?? []) {
      const isNext = number === eTags.length + 1 && size === partBytesOf(eTags.length)
      if (!isNext || eTag === undefined || eTags.length === partsMax) return eTags
      eTags.push(eTag)
    }
    if (page.IsTruncated !== true) return eTags
    after = page.NextPartNumberMarker
  }
}

/** An upload in parts that was left. @param partsMax what follows them is not looked at, and written anew */
export const findMultipart = async (place: Place, partsMax: number): Promise<S3Multipart> =>
  // Nobody else writes under a key that is gone on with, so its object needs no mark to be told from others.
  new S3Multipart(place, undefined, await wholePartsOf(place, partsMax))

/** The calls of one upload in parts. Parts are counted from 0 on. */
export class S3Multipart {
  readonly #place: Place
  readonly #target: { readonly Bucket: string; readonly Key: string }
  /** Tells the object of this write from one that another wrote under its key. */
  readonly #writeId: string | undefined
  readonly #eTags: (string | undefined)[]

  constructor(place: Place, writeId: string | undefined, eTags: readonly string[]) {
    this.#place = place
    this.#target = { Bucket: place.calls.bucket, Key: place.object }
    this.#writeId = writeId
    this.#eTags = [...eTags]
  }

  get uploadId(): string {
    return this.#place.uploadId
  }

  /** How many parts have arrived, from the first on and without a gap. */
  arrived(): number {
    const missing = this.#eTags.indexOf(undefined)
    return missing < 0 ? this.#eTags.length : missing
  }

  async send(part: number, bytes: Uint8Array, leaving: AbortSignal): Promise<void> {
    const { calls, uploadId } = this.#place
    const { ETag } = await calls.attempt(
      'write',
      (late) =>
        calls.client.send(
          new UploadPartCommand({
            ...this.#target,
            UploadId: uploadId,
            PartNumber: part + 1,
            Body: bytes,
            ContentLength: bytes.byteLength,
          }),
          { abortSignal: AbortSignal.any([late, leaving]) },
        ),
      patienceFor(calls, bytes.byteLength),
    )
    this.#take(part, ETag)
  }

  /** Has the store take a part from the object that is stored under the key. */
  async copy(part: number, startBytes: number, sizeBytes: number): Promise<void> {
    const { calls, object, uploadId } = this.#place
    const { CopyPartResult: copied } = await calls.attempt(
      'write',
      (abortSignal) =>
        calls.client.send(
          new UploadPartCopyCommand({
            ...this.#target,
            UploadId: uploadId,
            PartNumber: part + 1,
            CopySource: [calls.bucket, ...object.split('/')].map(encodeURIComponent).join('/'),
            CopySourceRange: `bytes=${startBytes}-${startBytes + sizeBytes - 1}`,
          }),
          { abortSignal },
        ),
      patienceFor(calls, sizeBytes),
    )
    this.#take(part, copied?.ETag)
  }

  #take(part: number, eTag: string | undefined): void {
    if (eTag === undefined) throw new StoreError('unavailable', 'A store took a part and did not name it.')
    while (this.#eTags.length < part) this.#eTags.push(undefined)
    this.#eTags[part] = eTag
  }

  /** Makes the parts, which have so many bytes together, the object. */
  async finish(sizeBytes: number): Promise<void> {
    const { calls, uploadId } = this.#place
    await calls.attempt(
      'finish a write',
      async (abortSignal) => {
        // Not every store knows the condition of the call below.
        if ((await this.#find(abortSignal)) !== undefined) {
          throw new StoreError('unavailable', 'The key is stored already.')
        }
        const Parts = this.#eTags.map((ETag, part) => ({ PartNumber: part + 1, ETag }))
        try {
          await calls.client.send(
            new CompleteMultipartUploadCommand({
              ...this.#target,
              UploadId: uploadId,
              MultipartUpload: { Parts },
              IfNoneMatch: '*',
            }),
            { abortSignal },
          )
        } catch (error) {
          // The client repeats a call that got no answer; the first may have done it.
          if (!(await this.#isStored(sizeBytes, abortSignal))) throw error
        }
      },
      calls.patienceMs * finishPatience,
    )
  }

  /** @param sizeBytes given when a finish was tried, which may have come to its end although it failed */
  async abort(sizeBytes: number | undefined): Promise<void> {
    const { calls, uploadId } = this.#place
    await calls.attempt('take back a write', async (abortSignal) => {
      try {
        await calls.client.send(new AbortMultipartUploadCommand({ ...this.#target, UploadId: uploadId }), {
          abortSignal,
        })
      } catch (error) {
        if (!isUploadGone(error)) throw error
      }
      if (sizeBytes !== undefined && (await this.#isStored(sizeBytes, abortSignal))) {
        await calls.client.send(new DeleteObjectCommand(this.#target), { abortSignal })
      }
    })
  }

  async #find(abortSignal: AbortSignal) {
    try {
      return await this.#place.calls.client.send(new HeadObjectCommand(this.#target), { abortSignal })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** Whether the whole object of this write is there. */
  async #isStored(sizeBytes: number, abortSignal: AbortSignal): Promise<boolean> {
    const found = await this.#find(abortSignal)
    const isOwn = this.#writeId === undefined || found?.Metadata?.[mark] === this.#writeId
    return isOwn && found?.ContentLength === sizeBytes
  }
}
