import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { s3Credentials } from '../../packages/server/src/testing/s3-server.ts'
import { requestText } from './api.ts'
import { startChild } from './child.ts'
import type { Transfer } from './load-job.ts'

/** An S3 server on this machine. */
export interface S3 extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  readonly endpoint: string
  /** A setting of a store in it. */
  location(prefix: string): string
}

const bucket = 'images'
const bareObject = 'bare'

/** What the server looks for in a signature; it believes the rest. */
const signed = (body: Uint8Array): Record<string, string> => ({
  authorization: `AWS4-HMAC-SHA256 Credential=${s3Credentials.key}/bench`,
  'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
})

/** @param core where it runs; null: anywhere */
export const startS3 = async (core: number | null): Promise<S3> => {
  const child = startChild(process.execPath, [join(import.meta.dirname, 's3-server.ts')], { core })
  const [, endpoint = ''] = await child.firstMatch(/listens on (\S+)/)
  const [key, secret] = [s3Credentials.key, s3Credentials.secret].map(encodeURIComponent)
  return {
    port: Number(new URL(endpoint).port),
    pid: child.pid,
    endpoint,
    location: (prefix) => `s3://${key}:${secret}@${bucket}/${prefix}?endpoint=${endpoint}&region=here`,
    [Symbol.asyncDispose]: child[Symbol.asyncDispose],
  }
}

/** Puts an object of so many bytes into it. @returns the download of it, by nothing but HTTP */
export const putBare = async ({ endpoint }: S3, sizeBytes: number): Promise<Transfer> => {
  const path = `/${bucket}/${bareObject}`
  const body = randomBytes(sizeBytes)
  const response = await fetch(`${endpoint}${path}`, { method: 'PUT', headers: signed(body), body })
  if (response.status !== 200) throw new Error(`S3 answered ${response.status}: ${await response.text()}`)
  return { direction: 'download', head: requestText('GET', path, signed(new Uint8Array())), sizeBytes, status: 200 }
}

/**
 * Moves an object with nothing but the SDK of S3, from or to memory; a download is that of the object that `putBare` has put there.
 * @param core of the process; null: any
 * @returns seconds
 */
export const sdkSeconds = async (
  { endpoint }: S3,
  direction: 'upload' | 'download',
  sizeBytes: number,
  core: number | null,
): Promise<number> => {
  const object = direction === 'upload' ? 'uploaded' : bareObject
  const args = [join(import.meta.dirname, 's3-alone.ts'), direction, endpoint, bucket, object, String(sizeBytes)]
  await using child = startChild(process.execPath, args, { core })
  const [, seconds] = await child.firstMatch(/took (\S+)/)
  return Number(seconds)
}
