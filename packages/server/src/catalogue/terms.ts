import type { ListingsTable } from '../database/sharing-tables.ts'

/**
 * What a listing is found by. One row per term and listing; a row carries the date of its listing, so that the rows of a
 * term stand in the order of the page and a page is a walk along them.
 */

const wordMaxCharacters = 40
const prefixMaxCharacters = 16
/** Terms of one listing at most: a long description cannot fill the index. */
const termsMax = 400
/** Characters of one text that are looked at; one character can be written as eighteen. */
const textMaxCharacters = 60_000
const queryWordsMax = 8
const queryMaxCharacters = 200

// Scripts that put no space between words.
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

const split = (run: string): string[] =>
  unspaced.test(run) ? [...segmenter.segment(run)].map(({ segment }) => segment) : [run]

const shortened = (word: string, characters: number): string => [...word].slice(0, characters).join('')

/** The words of a text in small letters without accents; everything but letters and digits is between words. */
export const wordsOf = (text: string): string[] =>
  text
    .normalize('NFKD')
    .slice(0, textMaxCharacters)
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((run) => run !== '')
    .flatMap(split)
    .map((word) => shortened(word, wordMaxCharacters))

/** The words of a search. No word is left of what holds neither letters nor digits. */
export const queryWords = (query: string): string[] =>
  [...new Set(wordsOf(shortened(query, queryMaxCharacters)))].slice(0, queryWordsMax)

/** What can be filtered by. */
export type Facet = 'os' | 'architecture' | 'producer'

/** The prefix of the terms of a facet. No word holds a colon. */
const facetPrefix = (facet: Facet): string => `${facet}:`

/** The term of a facet: the same for values that differ in letter case, accents and punctuation only. */
export const facetTerm = (facet: Facet, value: string): string =>
  `${facetPrefix(facet)}${facet === 'producer' ? value : wordsOf(shortened(value, queryMaxCharacters)).join(' ')}`

/** The first term of a facet, and the first that is none any more. */
export const facetRange = (facet: Facet): { from: string; to: string } => ({
  from: facetPrefix(facet),
  to: `${facet};`,
})

const prefixesOf = (word: string): string[] => {
  const characters = [...word]
  const longest = Math.min(characters.length, prefixMaxCharacters)
  return Array.from({ length: longest }, (_, index) => characters.slice(0, index + 1).join(''))
}

export type SearchableListing = Pick<
  ListingsTable,
  'title' | 'summary' | 'description' | 'os_name' | 'os_version' | 'architecture'
>

/**
 * The terms of a listing: its words, the beginnings of those in its short fields (a word that is still being typed finds
 * it), and its facets.
 */
export const termsOf = (listing: SearchableListing, producer: { handle: string; name: string }): Set<string> => {
  const terms = new Set<string>([facetTerm('producer', producer.handle)])
  for (const [facet, value] of [
    ['os', listing.os_name],
    ['architecture', listing.architecture],
  ] as const) {
    if (wordsOf(value ?? '').length > 0) terms.add(facetTerm(facet, value ?? ''))
  }
  const short = [
    listing.title,
    listing.os_name,
    listing.os_version,
    listing.architecture,
    producer.name,
    producer.handle,
  ]
  const long = [listing.summary, listing.description]
  const shortWords = short.flatMap((text) => wordsOf(text ?? ''))
  const found = [...shortWords, ...shortWords.flatMap(prefixesOf), ...long.flatMap((text) => wordsOf(text ?? ''))]
  for (const term of found) {
    if (terms.size >= termsMax) break
    terms.add(term)
  }
  return terms
}
