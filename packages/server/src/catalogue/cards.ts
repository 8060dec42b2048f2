import { html, type Markup } from '../http/markup.ts'
import { iconPath, listingPath, producerPath } from './documents.ts'
import type { ShortListing } from './queries.ts'

/** The picture of a listing, or its first letter. It says nothing that the title does not. */
export const iconMarkup = ({ icon, title }: Pick<ShortListing, 'icon' | 'title'>, isLarge = false): Markup => {
  const pixels = isLarge ? 80 : 48
  const name = isLarge ? 'icon large' : 'icon'
  if (icon !== null) {
    return html`<img class="${name}" src="${iconPath(icon)}" alt="" width="${pixels}" height="${pixels}" loading="lazy">`
  }
  const [letter = ''] = title.match(/[\p{L}\p{N}]/u) ?? []
  return html`<span class="${name}" aria-hidden="true">${letter.toUpperCase()}</span>`
}

/** Operating system and architecture, as far as they are told. */
export const chipsMarkup = (row: Pick<ShortListing, 'os_name' | 'os_version' | 'architecture'>): Markup | false => {
  const system = [row.os_name, row.os_version].filter((part) => part).join(' ')
  const chips = [system, row.architecture].filter((chip) => chip)
  return chips.length > 0 && html`<ul class="chips">${chips.map((chip) => html`<li dir="auto">${chip}</li>`)}</ul>`
}

const card = (row: ShortListing, level: 2 | 3, showsProducer: boolean): Markup => {
  const link = html`<a href="${listingPath(row)}"><bdi>${row.title}</bdi></a>`
  const by = html`<p class="by">by <a href="${producerPath(row.handle)}"><bdi>${row.producer_name}</bdi></a></p>`
  return html`<li class="card">${iconMarkup(row)}<div>${level === 2 ? html`<h2>${link}</h2>` : html`<h3>${link}</h3>`}
${showsProducer && by}${row.summary && html`<p dir="auto">${row.summary}</p>`}${chipsMarkup(row)}</div></li>
`
}

/** Listings as cards, each with a heading of this level. */
export const cardsMarkup = (
  rows: readonly ShortListing[],
  { level, showsProducer }: { level: 2 | 3; showsProducer: boolean },
): Markup => html`<ul class="cards">
${rows.map((row) => card(row, level, showsProducer))}</ul>`

/** The way to what comes after this page, and back to the first. */
export const pagesMarkup = ({ first, next }: { first: string | undefined; next: string | undefined }): Markup | false =>
  (first !== undefined || next !== undefined) &&
  html`<nav class="pages" aria-label="Pages">${first !== undefined && html`<a class="button plain" href="${first}">First page</a>`}${next !== undefined && html`<a class="button plain" href="${next}" rel="next">Next page</a>`}</nav>`
