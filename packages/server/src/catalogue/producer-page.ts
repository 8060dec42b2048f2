import { html } from '../http/markup.ts'
import { cardsMarkup, pagesMarkup } from './cards.ts'
import { producerPath } from './documents.ts'
import { dayMarkup, mailboxMarkup } from './format.ts'
import { renderMarkdown } from './markdown.ts'
import type { Page } from './page.ts'
import type { ProducerRow, ShortListing } from './queries.ts'

/** What a producer tells of itself, and its listings. */
export const producerPage = (
  producer: ProducerRow,
  listings: readonly ShortListing[],
  { first, next }: { first: string | undefined; next: string | undefined },
): Page => {
  const { handle, name, description, website, contact } = producer
  const feed = `${producerPath(handle)}.atom`
  return {
    title: name,
    head: html`<link rel="alternate" type="application/atom+xml" title="New images of ${name}" href="${feed}">
`,
    main: html`<h1 dir="auto">${name}</h1>
<p class="quiet">Producer <code>${handle}</code>, here since ${dayMarkup(producer.created_at)}${website && html` &middot; <a href="${website}" rel="nofollow noopener ugc">Website</a>`}${contact && html` &middot; ${mailboxMarkup(contact)}`}</p>
${
  description &&
  html`<section class="text" dir="auto" aria-labelledby="about"><h2 id="about">About</h2>
${renderMarkdown(description)}</section>`
}
<h2>Images</h2>
${
  listings.length === 0
    ? html`<div class="empty"><p>${first === undefined ? 'No image is announced at the moment.' : 'There are no more.'}</p></div>`
    : cardsMarkup(listings, { level: 3, showsProducer: false })
}
${pagesMarkup({ first, next })}
<p class="feed"><a href="${feed}">Atom feed of this producer</a></p>`,
    isPublic: true,
  }
}
