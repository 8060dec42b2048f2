import { html, type Markup, type MarkupValue } from '../http/markup.ts'
import { requestForm } from '../requests/form.ts'
import { chipsMarkup, iconMarkup } from './cards.ts'
import { listingPath, producerPath, shownOf } from './documents.ts'
import { dayMarkup, mailboxMarkup, sizeText } from './format.ts'
import { renderMarkdown } from './markdown.ts'
import type { Page } from './page.ts'
import { type FullListing, isRequestable } from './queries.ts'

const fact = (name: string, value: MarkupValue): Markup | false =>
  value !== null &&
  value !== undefined &&
  value !== false &&
  value !== '' &&
  html`<dt>${name}</dt><dd>${value}</dd>
`

const outside = (address: string | null, text: string): Markup | null =>
  address === null || address === '' ? null : html`<a href="${address}" rel="nofollow noopener ugc">${text}</a>`

/** What is told of the image: exactly what its producer chose. */
const facts = (row: FullListing): Markup => {
  const shown = shownOf(row)
  const system = [row.os_name, row.os_version].filter((part) => part).join(' ')
  const formats = [row.disk_format, row.container_format].filter((format) => format !== null).join(', ')
  const algorithm = (row.os_hash_algo ?? '').toUpperCase().replace(/^SHA(\d)/, 'SHA-$1')
  return html`<section class="facts" aria-labelledby="facts"><h2 id="facts">About the image</h2><dl>
${fact('Operating system', system)}${fact('Architecture', row.architecture)}${
  shown.has('formats') && fact('Format', formats)
}${shown.has('size') && row.size_bytes !== null && fact('Size', sizeText(row.size_bytes))}${
  shown.has('size') && row.min_disk > 0 && fact('Disk needed', `${row.min_disk} GB`)
}${shown.has('size') && row.min_ram > 0 && fact('Memory needed', `${row.min_ram} MB`)}${
  shown.has('checksum') && row.os_hash_value !== null && fact(algorithm, html`<code>${row.os_hash_value}</code>`)
}${shown.has('checksum') && row.checksum !== null && fact('MD5', html`<code>${row.checksum}</code>`)}${
  shown.has('dates') && fact('Image made', dayMarkup(row.image_created_at))
}${shown.has('dates') && fact('Image changed', dayMarkup(row.image_updated_at))}${fact('Licence', row.licence)}${fact(
  'Documentation',
  outside(row.documentation, 'Read the documentation'),
)}${fact('Contact', row.contact && mailboxMarkup(row.contact))}${fact(
  'Published',
  dayMarkup(row.published_at),
)}</dl></section>`
}

/** Why access cannot be asked for. */
const whyNot = ({ status, visibility, deletion_at }: FullListing): string => {
  if (visibility === 'public' || visibility === 'community') {
    return 'Every project of this cloud can use this image already. Nobody needs to ask.'
  }
  if (deletion_at !== null) return 'The image is about to be deleted, so access cannot be asked for any more.'
  return status === 'deactivated'
    ? 'The image is on hold, so access cannot be asked for at the moment.'
    : 'The image is not complete yet, so access cannot be asked for at the moment.'
}

const closed = (why: MarkupValue): Markup =>
  html`<section class="ask" id="ask" aria-labelledby="ask-title"><h2 id="ask-title">Access</h2><p>${why}</p></section>`

const form = (
  row: FullListing,
): Markup => html`<section class="ask" id="ask" aria-labelledby="ask-title"><h2 id="ask-title">Ask for access</h2>
<p><bdi>${row.producer_name}</bdi> decides who gets this image. You get a mail with a link that confirms your address; only then does the producer see what you ask for. The answer comes by mail, and once it is yes, the image can be used from your project.</p>
${requestForm(`${listingPath(row)}/requests`, row.terms ? '#terms' : null)}
</section>`

const asking = (row: FullListing, sendsMail: boolean): Markup => {
  if (!isRequestable(row)) return closed(whyNot(row))
  if (sendsMail) return form(row)
  return closed(
    html`This service sends no mail, so access cannot be asked for here. Ask the producer directly${row.contact && html`: ${mailboxMarkup(row.contact)}`}.`,
  )
}

/** Everything that everyone may know of a listing, and the form that asks for access. */
export const listingPage = (row: FullListing, { sendsMail }: { sendsMail: boolean }): Page => {
  const canAsk = isRequestable(row) && sendsMail
  return {
    title: `${row.title} by ${row.producer_name}`,
    head: html`<link rel="alternate" type="application/atom+xml" title="Changes of this listing" href="${listingPath(row)}.atom">
${
  row.summary &&
  html`<meta name="description" content="${row.summary}">
`
}`,
    main: html`<div class="head">${iconMarkup(row, true)}<div><h1 dir="auto">${row.title}</h1>
<p class="quiet">by <a href="${producerPath(row.handle)}"><bdi>${row.producer_name}</bdi></a> (<code>${row.handle}</code>)</p>
${row.summary && html`<p class="lead" dir="auto">${row.summary}</p>`}${chipsMarkup(row)}
${canAsk && html`<p class="act"><a class="button" href="#ask">Ask for access</a></p>`}</div></div>
<div class="columns">
${facts(row)}
<div>
${
  row.description &&
  html`<section class="text" dir="auto" aria-labelledby="description"><h2 id="description">Description</h2>
${renderMarkdown(row.description)}</section>`
}
${
  row.terms &&
  html`<section class="text" dir="auto" aria-labelledby="terms"><h2 id="terms">Terms</h2>
${renderMarkdown(row.terms)}</section>`
}
${asking(row, sendsMail)}
</div>
</div>`,
    isPublic: true,
  }
}
