import { apiError } from '../api-error.ts'
import { type HashAlgorithm, hashAlgorithms } from '../data/hashing.ts'

/** The protocol of resumable uploads, version 1.0.0 (https://tus.io/protocols/resumable-upload). */

export const tusVersion = '1.0.0'
export const tusExtensions = 'creation,creation-with-upload,expiration,termination,checksum'
export const tusAlgorithms = [...hashAlgorithms].sort().join(',')
export const partMediaType = 'application/offset+octet-stream'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** @throws ApiError `tus_version` */
export const checkTusVersion = (headers: Headers): void => {
  if (headers['tus-resumable'] !== tusVersion) throw apiError('tus_version', {}, { 'tus-version': tusVersion })
}

/** @throws ApiError `upload_media_type` */
export const checkPartMediaType = (headers: Headers): void => {
  const sent = headers['content-type']
  const type = (typeof sent === 'string' ? sent : '').split(';', 1)[0]?.trim().toLowerCase()
  if (type !== partMediaType) throw apiError('upload_media_type', {})
}

const count = (headers: Headers, name: string): number => {
  const sent = headers[name.toLowerCase()]
  if (typeof sent === 'string' && /^\d{1,15}$/.test(sent)) return Number(sent)
  throw apiError('invalid_header', { name, why: 'it must be a number of bytes' })
}

/** How many bytes will come in all. @throws ApiError `invalid_header` */
export const announcedLength = (headers: Headers): number => {
  if (headers['upload-defer-length'] !== undefined)
    throw apiError('invalid_header', { name: 'Upload-Defer-Length', why: 'the length has to be known from the start' })
  if (headers['upload-concat'] !== undefined)
    throw apiError('invalid_header', { name: 'Upload-Concat', why: 'uploads are not joined here' })
  return count(headers, 'Upload-Length')
}

/** Where a part begins. @throws ApiError `invalid_header` */
export const partOffset = (headers: Headers): number => count(headers, 'Upload-Offset')

/** What the bytes of a part must turn out to be. */
export interface PartChecksum {
  readonly algorithm: HashAlgorithm
  /** Hex. */
  readonly digest: string
}

const isHashAlgorithm = (text: string): text is HashAlgorithm => hashAlgorithms.some((one) => one === text)

/** @throws ApiError `invalid_header` */
export const partChecksum = (headers: Headers): PartChecksum | undefined => {
  const sent = headers['upload-checksum']
  if (sent === undefined) return undefined
  const [algorithm = '', digest = '', ...more] = String(sent).split(' ')
  const fault = (why: string) => apiError('invalid_header', { name: 'Upload-Checksum', why })
  if (!isHashAlgorithm(algorithm)) throw fault(`the algorithm must be one of ${tusAlgorithms}`)
  const bytes = Buffer.from(digest, 'base64')
  if (more.length > 0 || digest === '' || bytes.toString('base64') !== digest)
    throw fault('the digest must be in base64')
  return { algorithm, digest: bytes.toString('hex') }
}

const metadataCharactersMax = 4096
const base64 = '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?'
const metadataForm = new RegExp(
  `^[\\x21-\\x2b\\x2d-\\x7e]+(?: ${base64})?(?:, ?[\\x21-\\x2b\\x2d-\\x7e]+(?: ${base64})?)*$`,
)

/** What the client wrote about the upload, given back to it as it is. @throws ApiError `invalid_header` */
export const uploadMetadata = (headers: Headers): string | null => {
  const sent = headers['upload-metadata']
  if (sent === undefined || sent === '') return null
  if (typeof sent === 'string' && sent.length <= metadataCharactersMax && metadataForm.test(sent)) return sent
  const why = `it must be keys with values in base64, of at most ${metadataCharactersMax} characters`
  throw apiError('invalid_header', { name: 'Upload-Metadata', why })
}
