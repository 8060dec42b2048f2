import { apiError } from '../api-error.ts'
import type { Image } from '../images/image.ts'

/** The digests that bytes are signed by. MD5 and SHA-1 are none of them: both can be forged. */
const digests = { 'SHA-224': 'sha224', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const
export type SignedDigest = (typeof digests)[keyof typeof digests]

/** The kinds of keys, and for those on curves, the curve by its name in OpenSSL. */
const keyTypes = {
  'RSA-PSS': { kind: 'rsa', curve: undefined },
  DSA: { kind: 'dsa', curve: undefined },
  ECC_SECP384R1: { kind: 'ec', curve: 'secp384r1' },
  ECC_SECP521R1: { kind: 'ec', curve: 'secp521r1' },
  ECC_SECT409K1: { kind: 'ec', curve: 'sect409k1' },
  ECC_SECT409R1: { kind: 'ec', curve: 'sect409r1' },
  ECC_SECT571K1: { kind: 'ec', curve: 'sect571k1' },
  ECC_SECT571R1: { kind: 'ec', curve: 'sect571r1' },
} as const
export type SigningKey = (typeof keyTypes)[keyof typeof keyTypes]

/** What an image says of its signature. */
export interface Signature {
  readonly bytes: Uint8Array
  readonly digest: SignedDigest
  readonly key: SigningKey
  /** In small letters. */
  readonly certificateId: string
}

const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const base64Form = /^[A-Za-z0-9+/]+={0,2}$/
/** Four times what the largest usual key makes. */
const signatureBytesMax = 4096

const names = {
  bytes: 'img_signature',
  digest: 'img_signature_hash_method',
  key: 'img_signature_key_type',
  certificate: 'img_signature_certificate_uuid',
} as const

/** Whether a property belongs to the signature of an image. */
export const isOfSignature = (property: string): boolean => Object.values(names).some((name) => name === property)

const refuse = (why: string) => apiError('signature_refused', { why })

const oneOf = <Known extends object>(known: Known, name: string, value: string): Known[keyof Known] => {
  for (const [key, one] of Object.entries(known)) if (key === value) return one
  throw refuse(`${name} must be one of ${Object.keys(known).join(', ')}`)
}

/**
 * The signature that the bytes of an image must have; undefined when it says nothing of one. Half of what a signature needs is
 * refused: whoever begins to sign would otherwise believe that it is looked at.
 * Source: https://docs.openstack.org/glance/latest/user/signature.html
 * @throws ApiError `signature_refused`
 */
export const signatureOf = ({ properties }: Pick<Image, 'properties'>): Signature | undefined => {
  const text = properties.get(names.bytes) ?? ''
  if (text === '') return undefined
  const missing = Object.values(names).filter((name) => (properties.get(name) ?? '') === '')
  if (missing.length > 0) throw refuse(`the image has no ${missing.join(' and no ')}`)
  const bytes = Buffer.from(text, 'base64')
  if (!base64Form.test(text) || bytes.length === 0 || bytes.length > signatureBytesMax) {
    throw refuse(`${names.bytes} must be at most ${signatureBytesMax} bytes in base64`)
  }
  const certificateId = (properties.get(names.certificate) ?? '').toLowerCase()
  if (!uuidForm.test(certificateId)) throw refuse(`${names.certificate} must be a UUID`)
  return {
    bytes: new Uint8Array(bytes),
    digest: oneOf(digests, names.digest, properties.get(names.digest) ?? ''),
    key: oneOf(keyTypes, names.key, properties.get(names.key) ?? ''),
    certificateId,
  }
}

/** Tells one signature from another. */
export const signatureText = ({ properties }: Pick<Image, 'properties'>): string =>
  JSON.stringify(Object.values(names).map((name) => properties.get(name) ?? null))
