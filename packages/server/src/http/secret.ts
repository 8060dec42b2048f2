import { createHash, randomBytes } from 'node:crypto'

/** A new secret of 256 bits that fits into an address. Only its digest is kept. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What is kept of a secret, and looked up: no comparison, whose duration would tell how much of a guess is right. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
