import { randomBytes } from 'node:crypto'
import { digestOf } from '../http/secret.ts'

/** Crockford's base 32: no I, L, O, U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const codeLength = 26
const groups = [5, 5, 5, 5, 6] as const
const prefix = 'vtr-'

/** A new code of 130 bits, in groups, as it is handed out. */
export const newCode = (): string => {
  // The low five bits of a random byte are a random character.
  const characters = [...randomBytes(codeLength)].map((byte) => alphabet.charAt(byte & 31)).join('')
  let start = 0
  const parts = groups.map((length) => {
    start += length
    return characters.slice(start - length, start)
  })
  return `${prefix}${parts.join('-')}`
}

/** What the producer recognises a code by: a quarter of it, which is no help to who guesses the rest. */
export const hintOf = (code: string): string => code.slice(0, prefix.length + groups[0])

/**
 * The digest under which a code is kept. Letter case, blanks and hyphens do not matter; O, I and L are read as the digits
 * that they look like.
 * @returns undefined for what cannot be a code
 */
export const digestOfCode = (text: string): string | undefined => {
  const bare = text
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/^VTR(?=.{26}$)/, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  const isCode = bare.length === codeLength && [...bare].every((character) => alphabet.includes(character))
  return isCode ? digestOf(bare) : undefined
}
