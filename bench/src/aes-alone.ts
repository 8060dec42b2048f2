/**
 * Encrypts or decrypts chunks of 64 KiB in memory with AES-256-GCM, each with its own nonce and tag, as many bytes as asked,
 * and prints the seconds. It reads one chunk over and over, and keeps nothing of the results.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
const options = { authTagLength: 16 }
const chunkBytes = 64 * 1024
const key = createSecretKey(randomBytes(32))
const nonce = randomBytes(12)

/** Gives memory back at once: to wait for the garbage collector would cost more than the encryption. */
const drop = ({ buffer }: Buffer<ArrayBuffer>): void => void buffer.transfer(0)

const seal = (plain: Uint8Array): { sealed: Buffer<ArrayBuffer>; tag: Buffer } => {
  const cipher = createCipheriv(algorithm, key, nonce, options)
  const sealed = cipher.update(plain)
  cipher.final()
  return { sealed, tag: cipher.getAuthTag() }
}

const [direction, size = '0'] = process.argv.slice(2)
const plain = randomBytes(chunkBytes)
const { sealed, tag } = seal(plain)

const work: Readonly<Record<string, () => void>> = {
  seal: () => drop(seal(plain).sealed),
  open: () => {
    const decipher = createDecipheriv(algorithm, key, nonce, options).setAuthTag(tag)
    drop(decipher.update(sealed))
    decipher.final()
  },
}
const one = work[direction ?? '']
if (one === undefined) throw new Error('The first argument is seal or open.')

// Compiled, and with its memory, before it is measured.
for (let count = 0; count < 1000; count += 1) one()
const started = performance.now()
for (let left = Number(size); left > 0; left -= chunkBytes) one()
process.stdout.write(`took ${(performance.now() - started) / 1000}\n`)
