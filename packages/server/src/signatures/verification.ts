import { type KeyObject, X509Certificate } from 'node:crypto'
import { apiError } from '../api-error.ts'
import type { Verification } from '../data/hash-protocol.ts'
import type { Image } from '../images/image.ts'
import { KeyError } from '../keys/port.ts'
import type { Service } from '../service.ts'
import { CertificateError } from './certificates.ts'
import { type Signature, type SigningKey, signatureOf } from './signature.ts'

const refuse = (why: string) => apiError('signature_refused', { why })

const parsed = (bytes: Uint8Array): X509Certificate => {
  try {
    return new X509Certificate(bytes)
  } catch {
    throw refuse('what its certificate is said to be is no certificate')
  }
}

/** The key of a certificate may be of a kind, or be damaged in a way, that cannot be read. @throws ApiError `signature_refused` */
const keyOf = (certificate: X509Certificate): KeyObject => {
  try {
    return certificate.publicKey
  } catch {
    throw refuse('the key of its certificate cannot be read')
  }
}

const isOfKind = (publicKey: KeyObject, { kind, curve }: SigningKey): boolean => {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey
  const isKind = type === kind || (kind === 'rsa' && type === 'rsa-pss')
  return isKind && (curve === undefined || details?.namedCurve === curve)
}

const rsaBitsMin = 2048

/** The public key of a certificate that can be believed now. @throws ApiError `signature_refused` */
const publicKeyOf = (certificate: X509Certificate, { key }: Signature, now: number): string => {
  // `validFromDate` of what is no date is any date; the text says that it is none.
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (Number.isNaN(from) || Number.isNaN(to)) throw refuse('its certificate does not say when it is valid')
  if (from > now) throw refuse('its certificate is not valid yet')
  if (to < now) throw refuse('its certificate has expired')
  const publicKey = keyOf(certificate)
  if (!isOfKind(publicKey, key)) throw refuse('its certificate is for another type of key')
  const { modulusLength } = publicKey.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < rsaBitsMin) {
    throw refuse(`the key of its certificate is shorter than ${rsaBitsMin} bits`)
  }
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

const certificateOf = async (
  { certificates, log }: Service,
  id: string,
  token: string | null,
): Promise<X509Certificate> => {
  let bytes: Uint8Array | undefined
  try {
    bytes = await certificates(id, token)
  } catch (error) {
    if (error instanceof KeyError && error.reason === 'unavailable') throw apiError('key_manager_unavailable', {})
    if (error instanceof CertificateError) {
      log.error({ err: error }, 'a certificate cannot be read')
      throw apiError('certificate_unreadable', { id })
    }
    throw error
  }
  if (bytes === undefined) throw refuse(`there is no certificate ${id} that you can use`)
  return parsed(bytes)
}

/**
 * How the signature of an image is checked while its bytes pass; undefined when it has none.
 * @param token of whoever brings the bytes, for a key manager that asks for it
 * @throws ApiError `signature_refused`, `certificate_unreadable`, `key_manager_unavailable`
 */
export const verificationFor = async (
  service: Service,
  image: Pick<Image, 'properties'>,
  token: string | null,
): Promise<Verification | undefined> => {
  const signature = signatureOf(image)
  if (signature === undefined) return undefined
  const certificate = await certificateOf(service, signature.certificateId, token)
  const publicKey = publicKeyOf(certificate, signature, service.now())
  return { digest: signature.digest, publicKey, kind: signature.key.kind, signature: signature.bytes }
}
