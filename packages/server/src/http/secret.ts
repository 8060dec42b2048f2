import { hash, randomBytes } from 'node:crypto'

/** A new secret: 256 bits that nobody guesses, safe in addresses, headers and shells. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What is kept of a secret, and looked up: no comparison, whose duration would tell how much of a guess is right. */
export const digestOf = (secret: string): string => hash('sha256', secret, 'hex')
