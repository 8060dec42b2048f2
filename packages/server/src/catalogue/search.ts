import type { Reader } from '../database/database.ts'
import { fragment, joined, runFragment } from '../database/fragment.ts'
import { announcedByIds, type Position, positionOf, type ShortListing } from './queries.ts'
import { type Facet, facetRange, facetTerm, queryWords } from './terms.ts'

/** What a visitor of the catalogue looks for. */
export interface Search {
  readonly text: string
  readonly os: string
  readonly architecture: string
  readonly producer: string
}

export interface SearchPage {
  /** Newest first. */
  readonly listings: readonly ShortListing[]
  /** Where the next page begins, if there may be one. */
  readonly next: Position | undefined
}

/** Rows of the index that one page looks at, at most. A search that finds little in so many goes on with the next page. */
const walkMax = 1000
const firstStep = 60
const step = 500
/** As far as it is worth knowing how common a term is. */
const commonFrom = 300

/**
 * The terms that a listing must all have. Undefined if nothing can be found: a text was given that holds no word.
 */
const termsOfSearch = ({ text, os, architecture, producer }: Search): string[] | undefined => {
  const words = queryWords(text)
  if (words.length === 0 && text.trim() !== '') return undefined
  const facets: readonly (readonly [Facet, string])[] = [
    ['os', os],
    ['architecture', architecture],
    ['producer', producer],
  ]
  return [...words, ...facets.flatMap(([facet, value]) => (value === '' ? [] : [facetTerm(facet, value)]))]
}

/**
 * The rarest term first: it is the one whose rows are walked. Counts no further than it is worth knowing; of terms that are
 * common all, that one is the rarest whose newest rows reach back the furthest.
 */
const rarestFirst = async (db: Reader, terms: readonly string[]): Promise<string[]> => {
  if (terms.length < 2) return [...terms]
  const counts = terms.map(
    (
      term,
      index,
    ) => fragment`select cast(${index} as integer) as position, count(*) as occurrences, min(published_at) as reach
      from (
        select published_at from listing_terms where term = ${term}
        order by published_at desc, listing_id desc limit ${commonFrom}
      ) as rows_of_term`,
  )
  const counted = await runFragment<{ position: number; occurrences: number | string; reach: number | null }>(
    db,
    joined(counts, ' union all '),
  )
  return counted
    .sort(
      (one, other) =>
        Number(one.occurrences) - Number(other.occurrences) || Number(one.reach ?? 0) - Number(other.reach ?? 0),
    )
    .flatMap(({ position }) => terms[position] ?? [])
}

/** A listing that the walk came by, and whether it has the other terms, too. */
interface Candidate extends Position {
  readonly matches: boolean
}

/** The next listings of all, newest first. */
const walkAll = async (db: Reader, after: Position | undefined, limit: number): Promise<Candidate[]> => {
  const all = db
    .selectFrom('listings')
    .select(['published_at', 'id'])
    .orderBy('published_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  const rows = await (after === undefined
    ? all
    : all.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('published_at', 'id'), '<', tuple(after.publishedAt, after.id)),
      )
  ).execute()
  return rows.map((row) => ({ ...positionOf(row), matches: true }))
}

/**
 * The next listings along a term, newest first. The others are looked up one by one by the key of the index, as a value:
 * of a condition a planner that knows the tables badly makes a join that reads all of a common term.
 */
const walkAlong = async (
  db: Reader,
  [term, ...others]: readonly string[],
  after: Position | undefined,
  limit: number,
): Promise<Candidate[]> => {
  const start =
    after === undefined ? fragment`` : fragment`and (published_at, listing_id) < (${after.publishedAt}, ${after.id})`
  const has = others.map(
    (other) => fragment`(select 1 from listing_terms t
      where t.term = ${other} and t.published_at = c.published_at and t.listing_id = c.listing_id) = 1`,
  )
  const matches = others.length === 0 ? fragment`1` : fragment`case when ${joined(has, ' and ')} then 1 else 0 end`
  const rows = await runFragment<{ published_at: number; listing_id: string; matches: number }>(
    db,
    fragment`select c.published_at, c.listing_id, ${matches} as matches
      from (
        select published_at, listing_id from listing_terms where term = ${term} ${start}
        order by published_at desc, listing_id desc limit ${limit}
      ) as c
      order by c.published_at desc, c.listing_id desc`,
  )
  return rows.map((row) => ({ publishedAt: row.published_at, id: row.listing_id, matches: row.matches === 1 }))
}

/** What the world sees of these listings, in their order. */
const announced = async (db: Reader, found: readonly Position[]): Promise<ShortListing[]> => {
  if (found.length === 0) return []
  const rows = await announcedByIds(
    db,
    found.map(({ id }) => id),
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return found.flatMap(({ id }) => byId.get(id) ?? [])
}

/**
 * A page of what is found. Costs about a page, however many listings there are: it walks along the rarest of the terms,
 * and stops after so many rows even if they held little.
 */
export const searchListings = async (
  db: Reader,
  search: Search,
  after: Position | undefined,
  limit: number,
): Promise<SearchPage> => {
  const terms = termsOfSearch(search)
  if (terms === undefined) return { listings: [], next: undefined }
  const sorted = await rarestFirst(db, terms)
  const listings: ShortListing[] = []
  let position = after
  for (let walked = 0, size = Math.max(firstStep, limit + 1); walked < walkMax; walked += size, size = step) {
    const candidates =
      sorted.length === 0 ? await walkAll(db, position, size) : await walkAlong(db, sorted, position, size)
    const matching = candidates.filter(({ matches }) => matches)
    const taken = matching.slice(0, limit + 1)
    listings.push(...(await announced(db, taken)))
    const last = listings[limit - 1]
    if (listings.length > limit && last !== undefined) {
      return { listings: listings.slice(0, limit), next: positionOf(last) }
    }
    const isAll = taken.length === matching.length
    if (isAll && candidates.length < size) return { listings, next: undefined }
    position = isAll ? candidates.at(-1) : taken.at(-1)
  }
  return { listings, next: position }
}

/** A value that can be filtered by, as one of its listings writes it. */
export interface FacetValue {
  readonly value: string
  readonly label: string
}
const facetValuesMax = 30

/**
 * The values of a facet among the listings that the world sees, in alphabetical order. Steps from one value to the next
 * in the index, so that it costs the number of values, not of listings.
 */
export const facetValues = async (db: Reader, facet: 'os' | 'architecture'): Promise<FacetValue[]> => {
  const { from, to } = facetRange(facet)
  const column = facet === 'os' ? fragment`l.os_name` : fragment`l.architecture`
  const rows = await runFragment<{ term: string; label: string }>(
    db,
    fragment`with recursive facets(term) as (
        select (select min(term) from listing_terms where term >= ${from} and term < ${to})
        union all
        select (select min(t.term) from listing_terms t where t.term > facets.term and t.term < ${to})
        from facets where facets.term is not null
      )
      select term, label from (
        select facets.term, (
          select ${column} from listing_terms t join listings l on l.id = t.listing_id
          where t.term = facets.term and (select 1 from images i where i.id = l.image_id
            and i.visibility <> 'private' and coalesce(i.owner, '') = l.project_id) = 1
          order by t.published_at desc, t.listing_id desc limit 1
        ) as label
        from facets where facets.term is not null
      ) as named
      where label is not null limit ${facetValuesMax}`,
  )
  return rows.map(({ term, label }) => ({ value: term.slice(from.length), label }))
}
