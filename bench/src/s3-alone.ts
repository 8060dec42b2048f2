/**
 * Uploads an object of as many bytes as asked, from memory, with the SDK of S3: parts of 8 MiB, three at a time, as the
 * service sends them. Prints the seconds from the first call to the last answer, and removes the object.
 */
import { randomBytes } from 'node:crypto'
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { s3Credentials } from '../../packages/server/src/testing/s3-server.ts'

const partBytes = 8 * 1024 ** 2
const partsAtOnce = 3

const [endpoint = '', bucket = '', size = '0'] = process.argv.slice(2)
const client = new S3Client({
  endpoint,
  region: 'here',
  forcePathStyle: true,
  credentials: { accessKeyId: s3Credentials.key, secretAccessKey: s3Credentials.secret },
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
})
const target = { Bucket: bucket, Key: 'alone' }
const bytes = randomBytes(partBytes)
const count = Math.ceil(Number(size) / partBytes)

const started = performance.now()
const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
const parts: CompletedPart[] = []
let next = 1
const sendParts = async (): Promise<void> => {
  for (let PartNumber = next++; PartNumber <= count; PartNumber = next++) {
    const Body = bytes.subarray(0, Math.min(partBytes, Number(size) - (PartNumber - 1) * partBytes))
    const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
    parts.push({ PartNumber, ETag })
  }
}
await Promise.all(Array.from({ length: partsAtOnce }, sendParts))
const Parts = parts.toSorted((one, other) => (one.PartNumber ?? 0) - (other.PartNumber ?? 0))
await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
const seconds = (performance.now() - started) / 1000
await client.send(new DeleteObjectCommand(target))
process.stdout.write(`took ${seconds}\n`)
