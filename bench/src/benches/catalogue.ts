import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { aCatalogue, searched } from '../seed-sharing.ts'
import { compare, type Question } from './compared.ts'

const listings = 10_000
const few = 1000
const pageSize = 24

/** Counts the listings on a page; fails unless there are so many. */
const cards =
  (expected: number) =>
  (body: string): string => {
    const found = body.split('<li class="card">').length - 1
    if (found !== expected) throw new Error(`The page holds ${found} listings, not ${expected}.`)
    return `${found} listings`
  }

const searches: readonly Pick<Question, 'name' | 'path' | 'check' | 'target'>[] = [
  { name: 'catalogue, first page', path: '/catalogue', check: cards(pageSize), target: 0.05 },
  { name: 'search, rare word', path: `/catalogue?q=${searched.rare}`, check: cards(3), target: 0.05 },
  { name: 'search, common word', path: `/catalogue?q=${searched.common}`, check: cards(pageSize), target: 0.05 },
  {
    name: 'search, word and facet',
    path: `/catalogue?q=${searched.common}&os=debian`,
    check: cards(pageSize),
    target: 0.05,
  },
  { name: 'search, one letter', path: '/catalogue?q=d', check: cards(pageSize), target: 0.05 },
  {
    name: 'search, common words that never meet',
    path: `/catalogue?q=${searched.even}+${searched.odd}`,
    check: cards(0),
    target: null,
  },
]

/** Anybody reads the catalogue. */
export const catalogue = async (lab: Lab): Promise<Row[]> => {
  const core = lab.cores.measured
  await using service = await lab.serveFilled(aCatalogue(listings), { core })
  await using small = await lab.serveFilled(aCatalogue(few), { core })
  const sized = searches.filter(({ path }) => path === '/catalogue' || path === `/catalogue?q=${searched.common}`)
  return await compare(lab, [
    ...searches.map((search) => ({ ...search, service })),
    ...sized.map((search) => ({
      ...search,
      name: `${search.name}, ${few.toLocaleString('en')} listings`,
      service: small,
      sameAs: search.name,
    })),
  ])
}
