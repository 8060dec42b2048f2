import { html, type Markup } from '../http/markup.ts'
import { listingPath } from './documents.ts'
import { renderMarkdown } from './markdown.ts'
import type { FullListing, ShortListing } from './queries.ts'

/** Entries of a feed. */
export const feedEntriesMax = 50

/** A feed and where it stands. */
export interface Feed {
  readonly title: string
  /** Path of the feed itself and of the page that it tells of. */
  readonly path: string
  readonly pagePath: string
  readonly entries: readonly (ShortListing | FullListing)[]
  /** When there is no entry to say so: since when it is empty. */
  readonly since: number
}

const date = (instant: number): string => new Date(instant).toISOString()

const entry = (row: ShortListing | FullListing, origin: string): Markup => {
  const address = `${origin}${listingPath(row)}`
  return html`<entry>
<id>${address}</id>
<title>${row.title}</title>
<link rel="alternate" type="text/html" href="${address}"/>
<published>${date(row.published_at)}</published>
<updated>${date(row.updated_at)}</updated>
<author><name>${row.producer_name}</name></author>
${
  row.summary &&
  html`<summary>${row.summary}</summary>
`
}${
  'description' in row &&
  row.description &&
  html`<content type="html">${renderMarkdown(row.description).toString()}</content>
`
}</entry>
`
}

/**
 * A feed after RFC 4287. An entry is the same one as long as its address is.
 * @param origin scheme and host of all addresses in it
 */
export const renderFeed = ({ title, path, pagePath, entries, since }: Feed, origin: string): string =>
  html`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>${origin}${path}</id>
<title>${title}</title>
<updated>${date(Math.max(since, ...entries.map(({ updated_at }) => updated_at)))}</updated>
<link rel="self" type="application/atom+xml" href="${origin}${path}"/>
<link rel="alternate" type="text/html" href="${origin}${pagePath}"/>
<author><name>Vitrine</name></author>
<generator>Vitrine</generator>
${entries.map((row) => entry(row, origin))}</feed>
`.toString()
