import { usageError } from '../command-error.ts'
import { printable } from '../text.ts'
import { parseDate } from '../when.ts'
import type { Terms } from './share-terms.ts'

/** One image and one project that are to be joined. */
export interface WantedPair {
  /** As it is written in the file: id, beginning of the id, or name. */
  image: string
  project: string
  terms: Terms
  /** Let the project use the key of an encrypted image, too. */
  grant: boolean
}

const wrong = (where: string, why: string): Error =>
  usageError(`${printable(where)}: ${why}`, 'See "The file of shares" in docs/reference/cli.md.')

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const texts = (value: unknown, where: string): string[] => {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw wrong(where, 'it must not be empty.')
  return list.map((each) => {
    if (typeof each === 'string' && each.trim() !== '') return each
    throw wrong(where, 'it must be a text, or a list of texts.')
  })
}

const known = new Set(['images', 'projects', 'message', 'until', 'grant'])

const optionalText = (value: unknown, where: string): string | undefined => {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  throw wrong(where, 'it must be a text.')
}

const endOf = (value: unknown, where: string): Date | undefined => {
  const text = optionalText(value, where)
  if (text === undefined) return undefined
  const date = parseDate(text)
  if (date !== undefined) return date
  // A duration would move the end at every apply.
  throw wrong(where, 'it must be a date, such as 2027-01-31 or 2027-01-31T12:00:00Z.')
}

/** Every scalar is read as a text. */
const flagOf = (value: unknown, where: string): boolean => {
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw wrong(where, 'it must be true or false.')
}

const pairsOf = (entry: unknown, where: string): WantedPair[] => {
  if (!isRecord(entry)) throw wrong(where, 'it must have images and projects.')
  const odd = Object.keys(entry).find((key) => !known.has(key))
  if (odd !== undefined)
    throw wrong(where, `nothing is known by the name ${printable(odd)}; known: ${[...known].join(', ')}.`)
  const images = texts(entry.images, `${where}.images`)
  const projects = texts(entry.projects, `${where}.projects`)
  const terms = {
    message: optionalText(entry.message, `${where}.message`)?.trimEnd(),
    endsAt: endOf(entry.until, `${where}.until`),
  }
  const grant = flagOf(entry.grant, `${where}.grant`)
  return images.flatMap((image) => projects.map((project) => ({ image, project, terms, grant })))
}

const read = async (text: string): Promise<unknown> => {
  const { parseDocument } = await import('yaml')
  // Every scalar is a text: an id such as 0012 or 12e4 must not become a number.
  const document = parseDocument(text, { schema: 'failsafe' })
  try {
    if (document.errors[0] !== undefined) throw document.errors[0]
    // Aliases could make a small file a huge one.
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw wrong('The file of shares', `it cannot be read as YAML: ${printable(why ?? '')}`)
  }
}

/**
 * The pairs of a file of shares (YAML, or JSON, which is YAML too).
 * @throws CommandError (usage) that names the place in the file
 */
export const parseShareFile = async (text: string): Promise<WantedPair[]> => {
  const content = await read(text)
  const entries = isRecord(content) ? content.shares : undefined
  const odd = isRecord(content) ? Object.keys(content).find((key) => key !== 'shares') : undefined
  if (!Array.isArray(entries) || odd !== undefined) {
    throw wrong('The file of shares', 'it must be a list under "shares:", and nothing else.')
  }
  return entries.flatMap((entry: unknown, at) => pairsOf(entry, `shares[${at}]`))
}
