import { apiError } from '../api-error.ts'
import type { Image } from './image.ts'

/** How the bytes of an image are encrypted, and with which key, if that is known. */
export interface Encryption {
  /** `sealed`: by the service. `client`: by whoever uploaded them. */
  readonly kind: 'sealed' | 'client'
  readonly keyId: string | null
}

/** The properties that an image carries which is sealed by the service: the same that a client would mark it with. */
const keyProperty = '__system__cmkid'
const flagProperty = '__system__encrypted'

/** Where clients write down which key they encrypted with; the first that is there counts. */
const clientKeyProperties = [keyProperty, 'cinder_encryption_key_id', 'os_encrypt_key_id']

const deletionPolicies = ['cinder_encryption_key_deletion_policy', 'os_encrypt_key_deletion_policy']

/**
 * How an image is encrypted; undefined: as far as it says, not at all. `__system__encrypted` alone says that it is, and leaves
 * the key open.
 */
export const encryptionOf = ({ sealedUnder, properties }: Pick<Image, 'sealedUnder' | 'properties'>) =>
  sealedUnder === null ? clientEncryption(properties) : ({ kind: 'sealed', keyId: sealedUnder } as const)

/** What can be the id of a key. Anybody writes these properties; what cannot is no key that anybody knows. */
const keyIdForm = /^[\w-]{1,64}$/

const clientEncryption = (properties: Image['properties']): Encryption | undefined => {
  const keyId = clientKeyProperties.map((name) => properties.get(name) ?? '').find((value) => value !== '')
  if (keyId !== undefined) return { kind: 'client', keyId: keyIdForm.test(keyId) ? keyId : null }
  return properties.get(flagProperty) === '1' ? { kind: 'client', keyId: null } : undefined
}

/** Whether the key that a client encrypted with is to be deleted together with the image. */
export const deletesKey = ({ properties }: Pick<Image, 'properties'>): boolean =>
  deletionPolicies.some((name) => properties.get(name) === 'on_image_deletion')

/**
 * The same image without what it says should become of its key. For a new owner: it is theirs to say, and the key that the one
 * before wrote down may be the new owner's own.
 */
export const keepingKey = (image: Image): Image => {
  const properties = new Map(image.properties)
  for (const name of deletionPolicies) properties.delete(name)
  return { ...image, properties }
}

/** The same image, to be sealed under a key (null: not any more) when its bytes arrive. */
export const sealedWith = (image: Image, keyId: string | null, now: number): Image => {
  const properties = new Map(image.properties)
  if (keyId === null) {
    properties.delete(keyProperty)
    properties.delete(flagProperty)
  } else {
    properties.set(keyProperty, keyId)
    properties.set(flagProperty, '1')
  }
  return { ...image, sealedUnder: keyId, properties, updatedAt: now }
}

/** What an image says of its encryption by the service, and of what shall become of its key, left out. */
export const withoutSeal = ({ sealedUnder, properties }: Image): Map<string, string | null> => {
  const rest = new Map(properties)
  if (sealedUnder !== null) for (const name of [keyProperty, flagProperty]) rest.delete(name)
  for (const name of deletionPolicies) rest.delete(name)
  return rest
}

/**
 * What a sealed image says of its encryption is what is, so nobody changes it.
 * @throws ApiError `read_only`, `conflict` for a new owner, whose the key is not
 */
export const checkSealKept = (before: Image, after: Image): void => {
  if (before.sealedUnder === null) return
  for (const name of [keyProperty, flagProperty]) {
    if (before.properties.get(name) !== after.properties.get(name)) throw apiError('read_only', { name })
  }
  if (before.owner !== after.owner) {
    const why =
      'An encrypted image keeps its owner, since its key belongs to that project; copy it into the other instead'
    throw apiError('conflict', { why })
  }
}
