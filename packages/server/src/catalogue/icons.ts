import { createHash } from 'node:crypto'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'

/** Icons of listings: small pictures of three formats, told by their bytes and never by what a client calls them. */

export const iconMaxBytes = 128 * 1024
const iconMaxPixels = 1024

interface Dimensions {
  readonly width: number
  readonly height: number
}

const startsWith = (bytes: Buffer, offset: number, text: string): boolean =>
  bytes.toString('latin1', offset, offset + text.length) === text

const pngDimensions = (bytes: Buffer): Dimensions | undefined =>
  startsWith(bytes, 0, '\x89PNG\r\n\x1a\n') && startsWith(bytes, 12, 'IHDR') && bytes.length >= 33
    ? { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
    : undefined

/** Frame headers of JPEG; 0xc4, 0xc8 and 0xcc are none. */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

const jpegDimensions = (bytes: Buffer): Dimensions | undefined => {
  if (!startsWith(bytes, 0, '\xff\xd8\xff')) return undefined
  for (let offset = 2; offset + 9 <= bytes.length; ) {
    if (bytes[offset] !== 0xff) return undefined
    const marker = bytes[offset + 1] ?? 0
    if (marker === 0xff) {
      offset += 1
      continue
    }
    if (isFrameHeader(marker)) return { height: bytes.readUInt16BE(offset + 5), width: bytes.readUInt16BE(offset + 7) }
    offset += 2 + bytes.readUInt16BE(offset + 2)
  }
  return undefined
}

const webpDimensions = (bytes: Buffer): Dimensions | undefined => {
  if (!startsWith(bytes, 0, 'RIFF') || !startsWith(bytes, 8, 'WEBP') || bytes.length < 30) return undefined
  if (startsWith(bytes, 12, 'VP8X')) return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  if (startsWith(bytes, 12, 'VP8L')) {
    const bits = bytes.readUInt32LE(21)
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
  }
  if (startsWith(bytes, 12, 'VP8 ')) {
    return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  }
  return undefined
}

const formats = [
  ['image/png', pngDimensions],
  ['image/jpeg', jpegDimensions],
  ['image/webp', webpDimensions],
] as const

/**
 * The media type of an icon.
 * @throws ApiError `body_missing`, `body_too_large`, `invalid_body`
 */
export const iconMediaType = (bytes: unknown): { bytes: Buffer; mediaType: string } => {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) throw apiError('body_missing', {})
  if (bytes.length > iconMaxBytes) throw apiError('body_too_large', { limit: iconMaxBytes })
  for (const [mediaType, dimensionsOf] of formats) {
    const dimensions = dimensionsOf(bytes)
    if (dimensions === undefined) continue
    const { width, height } = dimensions
    if (width === 0 || height === 0 || width > iconMaxPixels || height > iconMaxPixels) {
      throw apiError('invalid_body', { why: `an icon has at most ${iconMaxPixels} x ${iconMaxPixels} pixels` })
    }
    return { bytes, mediaType }
  }
  throw apiError('invalid_body', { why: 'an icon is a PNG, JPEG or WebP picture' })
}

export const iconDigest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Keeps an icon; the same picture is kept once. */
export const keepIcon = async (tx: Tx, digest: string, mediaType: string, bytes: Buffer): Promise<void> => {
  await lockName(tx, `icon ${digest}`)
  await tx
    .insertInto('icons')
    .values({ digest, media_type: mediaType, base64: bytes.toString('base64') })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute()
}

/** Removes an icon that no listing has any more. To be called after the listing changed. */
export const dropIcon = async (tx: Tx, digest: string): Promise<void> => {
  await lockName(tx, `icon ${digest}`)
  await tx
    .deleteFrom('icons')
    .where('digest', '=', digest)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('listings').select('listings.id').where('listings.icon', '=', digest))),
    )
    .execute()
}

/** An icon as it is served. */
export const findIcon = async (
  db: Reader,
  digest: string,
): Promise<{ bytes: Buffer; mediaType: string } | undefined> => {
  const row = await db.selectFrom('icons').selectAll().where('digest', '=', digest).executeTakeFirst()
  return row === undefined ? undefined : { bytes: Buffer.from(row.base64, 'base64'), mediaType: row.media_type }
}
