import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { KeyError } from './port.ts'

/**
 * Encrypting one key with another: AES-256-GCM with a random nonce, bound to what it is for. Form: nonce (12 bytes), tag (16),
 * ciphertext. Node takes a key as an object much faster than as bytes. A key may wrap some 2^32 others before random nonces could repeat.
 */

export const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/** @param context what the secret is for; `unwrapWith` needs the same */
export const wrapWith = (material: Uint8Array, secret: Uint8Array, context: string): Uint8Array => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(material), nonce).setAAD(Buffer.from(context))
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

/** @throws KeyError `damaged` when it was not wrapped with this material for this context, or was changed */
export const unwrapWith = (material: Uint8Array, wrapped: Uint8Array, context: string): Uint8Array => {
  if (wrapped.byteLength < nonceBytes + tagBytes) throw new KeyError('damaged', 'A wrapped key is too short.')
  const nonce = wrapped.subarray(0, nonceBytes)
  const tag = wrapped.subarray(nonceBytes, nonceBytes + tagBytes)
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(material), nonce)
    .setAAD(Buffer.from(context))
    .setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes + tagBytes)), decipher.final()])
  } catch (error) {
    throw new KeyError('damaged', 'A wrapped key cannot be opened.', { cause: error })
  }
}
