/**
 * Moves an object of as many bytes as asked with nothing but the SDK of S3, from or to memory; of an upload, parts as
 * large as the service sends them, three at a time. Prints the seconds from the first call to the last byte.
 */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { partBytesOf } from '../../packages/server/src/storage/part-buffers.ts'
import { s3Credentials } from '../../packages/server/src/testing/s3-server.ts'

const partBytes = partBytesOf(0) ?? 0
const partsAtOnce = 3

const [direction = '', endpoint = '', Bucket = '', Key = '', size = '0'] = process.argv.slice(2)
const sizeBytes = Number(size)
const client = new S3Client({
  endpoint,
  region: 'here',
  forcePathStyle: true,
  credentials: { accessKeyId: s3Credentials.key, secretAccessKey: s3Credentials.secret },
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
})
const target = { Bucket, Key }

const upload = async (bytes: Uint8Array): Promise<void> => {
  const count = Math.ceil(sizeBytes / partBytes)
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
  const parts: CompletedPart[] = []
  let next = 1
  const sendParts = async (): Promise<void> => {
    for (let PartNumber = next++; PartNumber <= count; PartNumber = next++) {
      const Body = bytes.subarray(0, Math.min(partBytes, sizeBytes - (PartNumber - 1) * partBytes))
      const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
      parts.push({ PartNumber, ETag })
    }
  }
  await Promise.all(Array.from({ length: partsAtOnce }, sendParts))
  const Parts = parts.toSorted((one, other) => (one.PartNumber ?? 0) - (other.PartNumber ?? 0))
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
}

const download = async (): Promise<void> => {
  const { Body } = await client.send(new GetObjectCommand(target))
  if (!(Body instanceof Readable)) throw new Error('S3 answered without bytes.')
  let left = sizeBytes
  for await (const chunk of Body) left -= chunk.length
  if (left !== 0) throw new Error(`${left} of ${sizeBytes} bytes did not come.`)
}

const bytes = randomBytes(partBytes)
const started = performance.now()
await (direction === 'upload' ? upload(bytes) : download())
const seconds = (performance.now() - started) / 1000
if (direction === 'upload') await client.send(new DeleteObjectCommand(target))
process.stdout.write(`took ${seconds}\n`)
