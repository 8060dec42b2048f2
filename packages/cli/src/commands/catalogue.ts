import type { PublicListing } from '@vitrine/sdk'
import { catalogueView, publicListingView } from '../catalogue-views.ts'
import { bytes, instant } from '../columns.ts'
import { type Invocation, say, write } from '../context.ts'
import { listNeedsVitrine } from '../extension.ts'
import { openCatalogue, parseListing } from '../open-catalogue.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { part } from '../share-views.ts'
import { printable } from '../text.ts'
import { upTo } from '../up-to.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

export interface CatalogueOptions extends OutputOptions {
  url?: string
  os?: string
  architecture?: string
  producer?: string
  limit: number
}

export interface ShowOptions extends OutputOptions {
  url?: string
}

const handleOf = (producer: string | undefined): string | undefined => producer?.replace(/^@/, '')

/** Searches the public catalogue; everybody may. */
export const searchCatalogue = async (
  invocation: Invocation,
  words: readonly string[],
  options: CatalogueOptions,
): Promise<void> => {
  const { os, architecture, limit } = options
  const { catalogue } = await openCatalogue(invocation, options.url)
  const q = words.length === 0 ? undefined : words.join(' ')
  const params = { q, os, architecture, producer: handleOf(options.producer) }
  const found = upTo(catalogue.search(params, { signal: invocation.signal }), limit)
  const listings = wireDocuments(listNeedsVitrine('The catalogue is', found.things))
  const count = await writeList(invocation, catalogueView, listings, options)
  if (count === 0) await say(invocation, 'Nothing in the catalogue answers to that.')
  else if (found.more()) await say(invocation, `Only the first ${limit} are listed; --limit lists more.`)
  else
    await say(
      invocation,
      'To read one: vitrine catalogue show LISTING. To ask for it: vitrine request LISTING --email YOURS',
    )
}

const paragraphs = (title: string, text: string | null | undefined): string => {
  if (text === null || text === undefined || text.trim() === '') return ''
  // Set in, so that no line of it looks like one of the command.
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${printable(line)}`.trimEnd())
  return `\n${title}\n\n${lines.join('\n')}\n`
}

const factColumns = [bytes('size', 'Size'), instant('image_created_at', 'Made'), instant('image_updated_at', 'Changed')]

/** A reader of a table gets the long texts below it, as they are written. */
const showInFull = async (invocation: Invocation, listing: PublicListing, options: OutputOptions): Promise<void> => {
  const { description, terms, image, producer, ...rest } = wireDocument(listing)
  const { created_at, updated_at, ...facts } = part({ image: image ?? null }, 'image')
  const dates = { image_created_at: created_at ?? null, image_updated_at: updated_at ?? null }
  // The handle first: it is unique, and a name could imitate one.
  const handle = `@${listing.producer.handle} (${listing.producer.name})`
  await writeRecord(
    invocation,
    { ...publicListingView, columns: factColumns },
    { ...rest, producer: handle, ...facts, ...dates },
    options,
  )
  await write(invocation.out, paragraphs('Description', listing.description) + paragraphs('Terms', listing.terms))
}

/** One listing, as everybody sees it. */
export const showCatalogueListing = async (
  invocation: Invocation,
  reference: string,
  options: ShowOptions,
): Promise<void> => {
  const { handle, slug, url } = parseListing(reference)
  const { catalogue } = await openCatalogue(invocation, options.url ?? url)
  const listing = await catalogue.getListing(handle, slug, { signal: invocation.signal })
  if (options.format === 'table' && options.column === undefined) return showInFull(invocation, listing, options)
  await writeRecord(invocation, publicListingView, wireDocument(listing), options)
}
