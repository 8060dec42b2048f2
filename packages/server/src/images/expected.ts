/**
 * Properties by which whoever creates an image states what its bytes must turn out to be. Every client can set properties, and
 * everybody who sees the image sees what was stated.
 */
export const expectedSizeProperty = 'vitrine_expected_size'
export const expectedHashProperty = 'vitrine_expected_hash'

/** Hexadecimal digits of the digests that can be stated. */
export const digestDigits = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const
export type DigestName = keyof typeof digestDigits

const isDigestName = (name: string): name is DigestName => Object.hasOwn(digestDigits, name)

export interface StatedHash {
  readonly algorithm: DigestName
  /** Small hexadecimal digits. */
  readonly value: string
}

/** A digest as it is stated with its name and value; undefined for what is none. */
export const statedHash = (name: string, value: string): StatedHash | undefined => {
  const algorithm = name.toLowerCase().replace('-', '')
  const digits = value.toLowerCase()
  if (!isDigestName(algorithm) || digits.length !== digestDigits[algorithm] || !/^[0-9a-f]+$/.test(digits))
    return undefined
  return { algorithm, value: digits }
}

/** `sha512:0123...` */
export const parseStatedHash = (text: string): StatedHash | undefined => {
  const [name = '', value = '', ...rest] = text.split(':')
  return rest.length > 0 ? undefined : statedHash(name, value)
}

/** Why a property cannot have this value, if it cannot. */
export const whyNotExpected = (name: string, value: string): string | undefined => {
  if (name === expectedSizeProperty && !/^\d{1,15}$/.test(value)) return 'it must be a number of bytes'
  if (name === expectedHashProperty && parseStatedHash(value) === undefined) {
    return 'it must be a digest such as sha512:HEX, sha256:HEX, sha1:HEX or md5:HEX'
  }
  return undefined
}
