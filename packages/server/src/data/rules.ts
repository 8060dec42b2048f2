import { apiError } from '../api-error.ts'
import type { Image } from '../images/image.ts'
import { signatureOf } from '../signatures/signature.ts'
import type { Ingested } from './ingest.ts'

/** What is kept of the bytes of an image. */
export type BytesFacts = Pick<
  Ingested,
  'sizeBytes' | 'virtualSizeBytes' | 'checksum' | 'hashAlgorithm' | 'hashValue' | 'encryptedContent' | 'verified'
>

/** An image whose upload came to nothing: as it was before. */
export const withoutData = (image: Image, now: number): Image => ({
  ...image,
  status: 'queued',
  sizeBytes: null,
  virtualSizeBytes: null,
  checksum: null,
  hashAlgorithm: null,
  hashValue: null,
  locations: [],
  encryptedContent: null,
  updatedAt: now,
})

/** A way in that forgets to verify gets nothing in. @throws ApiError `signature_refused` */
const checkVerified = (image: Image, { verified }: BytesFacts): void => {
  const signature = signatureOf(image)
  if (signature !== undefined && Buffer.from(signature.bytes).toString('base64') !== verified) {
    throw apiError('signature_refused', { why: 'it is not the one that the bytes were verified with' })
  }
}

/**
 * An image with what its bytes turned out to be. No image gets bytes in another way.
 * @throws ApiError `signature_refused`
 */
export const withData = (image: Image, bytes: BytesFacts, now: number): Image => {
  checkVerified(image, bytes)
  return {
    ...image,
    sizeBytes: bytes.sizeBytes,
    virtualSizeBytes: bytes.virtualSizeBytes,
    checksum: bytes.checksum,
    hashAlgorithm: bytes.hashAlgorithm,
    hashValue: bytes.hashValue,
    encryptedContent: bytes.encryptedContent,
    updatedAt: now,
  }
}

/** @throws ApiError `data_media_type` */
export const checkDataMediaType = (contentType: string | undefined): void => {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/octet-stream') throw apiError('data_media_type', {})
}

/**
 * The size that the client announces, from its own header or else from the length of the body.
 * @throws ApiError `invalid_header`
 */
export const announcedSize = (headers: {
  'x-openstack-image-size'?: string | string[] | undefined
  'content-length'?: string | undefined
}): number | undefined => {
  const stated = headers['x-openstack-image-size']
  if (stated === undefined) {
    return headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  }
  if (typeof stated === 'string' && /^\d{1,15}$/.test(stated.trim())) return Number(stated)
  throw apiError('invalid_header', { name: 'X-OpenStack-Image-Size', why: 'it must be a number of bytes' })
}
