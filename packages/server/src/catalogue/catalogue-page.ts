import { html, type Markup } from '../http/markup.ts'
import { cardsMarkup, pagesMarkup } from './cards.ts'
import type { Page } from './page.ts'
import type { FacetValue, Search, SearchPage } from './search.ts'
import { facetTerm } from './terms.ts'

/** What the page of the catalogue is made from. */
export interface CatalogueView {
  readonly search: Search
  readonly page: SearchPage
  readonly facets: { readonly os: readonly FacetValue[]; readonly architecture: readonly FacetValue[] }
  readonly feed: string
  readonly first: string | undefined
  readonly next: string | undefined
}

const option = (value: string, label: string, chosen: string): Markup =>
  html`<option value="${value}"${value === chosen && html` selected`}>${label}</option>`

const choice = (name: 'os' | 'architecture', label: string, values: readonly FacetValue[], chosen: string): Markup => {
  const known = chosen === '' ? '' : facetTerm(name, chosen).slice(name.length + 1)
  const isListed = values.some(({ value }) => value === known)
  return html`<div><label for="${name}">${label}</label><select id="${name}" name="${name}">${option('', 'Any', known)}${values.map((one) => option(one.value, one.label, known))}${!isListed && known !== '' && option(known, chosen, known)}</select></div>`
}

const filters = ({ search, facets }: CatalogueView): Markup => html`<search><form class="filters" action="/catalogue">
<div><label for="q">Search</label><input id="q" type="search" name="q" value="${search.text}" maxlength="200" autocomplete="off"></div>
${choice('os', 'Operating system', facets.os, search.os)}
${choice('architecture', 'Architecture', facets.architecture, search.architecture)}
${search.producer !== '' && html`<input type="hidden" name="producer" value="${search.producer}">`}
<div><button>Search</button></div>
</form></search>`

const nothing = ({ search, first, next }: CatalogueView): Markup => {
  if (next !== undefined) {
    return html`<div class="empty"><p>Nothing among the newest listings.</p><p><a href="${next}" rel="next">Search the older ones</a></p></div>`
  }
  if (first !== undefined) {
    return html`<div class="empty"><p>Nothing more is found.</p><p><a href="${first}">Back to the first page</a></p></div>`
  }
  const isFiltered = Object.values(search).some((value) => value !== '')
  return isFiltered
    ? html`<div class="empty"><p>Nothing is found. Every word must occur in a listing; try fewer or shorter words.</p><p><a href="/catalogue">See all images</a></p></div>`
    : html`<div class="empty"><p>No image is announced yet.</p><p>Producers announce theirs with <code>vitrine publish</code>.</p></div>`
}

/** The search and what it finds. */
export const cataloguePage = (view: CatalogueView): Page => {
  const { search, page, feed, first, next } = view
  const isFiltered = Object.values(search).some((value) => value !== '')
  const listings =
    page.listings.length === 0
      ? nothing(view)
      : html`${cardsMarkup(page.listings, { level: 2, showsProducer: true })}
${pagesMarkup({ first, next })}`
  return {
    title: search.text === '' ? 'Images' : `${search.text.slice(0, 80)}: images`,
    head: html`<link rel="alternate" type="application/atom+xml" title="New images" href="${feed}">
<meta name="description" content="Machine images that producers share in this cloud.">
`,
    main: html`<h1>Images</h1>
<p class="lead">What producers share in this cloud. Open an image to read about it and to ask for access.</p>
${filters(view)}
${listings}
<p class="feed"><a href="${feed}">Atom feed of ${isFiltered ? 'this search' : 'new images'}</a></p>`,
    isPublic: true,
    hasSearch: false,
  }
}
