import { apiError } from '../api-error.ts'
import type { Image } from '../images/image.ts'
import type { Ingested } from './ingest.ts'

/** What is kept of the bytes of an image. */
export type BytesFacts = Pick<
  Ingested,
  'sizeBytes' | 'virtualSizeBytes' | 'checksum' | 'hashAlgorithm' | 'hashValue' | 'encryptedContent'
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

/** An image with what its bytes turned out to be. */
export const withData = (image: Image, bytes: BytesFacts, now: number): Image => ({
  ...image,
  sizeBytes: bytes.sizeBytes,
  virtualSizeBytes: bytes.virtualSizeBytes,
  checksum: bytes.checksum,
  hashAlgorithm: bytes.hashAlgorithm,
  hashValue: bytes.hashValue,
  encryptedContent: bytes.encryptedContent,
  updatedAt: now,
})

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
