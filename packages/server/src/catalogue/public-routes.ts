import { CatalogueSchema, ProducerPageSchema, PublicListingSchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { apiError } from '../api-error.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { cataloguePage } from './catalogue-page.ts'
import { afterLink, parseAfter } from './cursor.ts'
import { fullListing, listingPath, producerDocument, producerPath, publicListing } from './documents.ts'
import { type Feed, feedEntriesMax, renderFeed } from './feed.ts'
import { findIcon } from './icons.ts'
import { listingPage } from './listing-page.ts'
import { mark, sendPage, styleDigest, styleSheet } from './page.ts'
import { producerPage } from './producer-page.ts'
import { sendPublic, sendUnchanging } from './public-answer.ts'
import { findAnnounced, findProducerByHandle } from './queries.ts'
import { facetValues, type Search, searchListings } from './search.ts'

const tags = ['catalogue']
/** Listings on a page. */
const pageSize = 24

/** What stands behind the name in an address decides how the same thing is told. */
type Form = 'html' | 'json' | 'atom'

const splitForm = (segment: string): { name: string; form: Form } => {
  for (const form of ['json', 'atom'] as const) {
    if (segment.endsWith(`.${form}`)) return { name: segment.slice(0, -form.length - 1), form }
  }
  return { name: segment, form: 'html' }
}

const sendPublicJson = (reply: FastifyReply, document: unknown): FastifyReply =>
  sendPublic(
    reply.headers({ 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }),
    Buffer.from(JSON.stringify(document)),
  )

const sendFeed = (reply: FastifyReply, feed: Feed, service: Service): FastifyReply =>
  sendPublic(
    reply.headers({
      'content-type': 'application/atom+xml; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    }),
    Buffer.from(renderFeed(feed, service.origin())),
  )

/** Read only as long as it is sensible; no value is an error but a bad cursor. */
const searchOf = (query: ReadonlyMap<string, string>): Search => {
  const value = (name: string) => (query.get(name) ?? '').slice(0, 200)
  return { text: value('q'), os: value('os'), architecture: value('architecture'), producer: value('producer') }
}

const queryOf = ({ text, os, architecture, producer }: Search): string =>
  new URLSearchParams(
    Object.entries({ q: text, os, architecture, producer }).filter(([, value]) => value !== ''),
  ).toString()

const withQuery = (path: string, query: string): string => (query === '' ? path : `${path}?${query}`)

const answerCatalogue = async (service: Service, request: FastifyRequest, reply: FastifyReply, form: Form) => {
  const { read: db } = service.database
  const parameters = new Map(parseQuery(request.url))
  const search = searchOf(parameters)
  const query = queryOf(search)
  const after = parseAfter(parameters.get('after'))
  const page = await searchListings(db, search, after, form === 'atom' ? feedEntriesMax : pageSize)
  if (form === 'atom') {
    const paths = { path: withQuery('/catalogue.atom', query), pagePath: withQuery('/catalogue', query) }
    return sendFeed(reply, { title: 'Images', ...paths, entries: page.listings, since: 0 }, service)
  }
  const path = form === 'json' ? '/catalogue.json' : '/catalogue'
  const next = page.next === undefined ? undefined : afterLink(path, query, page.next)
  if (form === 'json') {
    return sendPublicJson(reply, { listings: page.listings.map(publicListing), next: next ?? null })
  }
  const facets = { os: await facetValues(db, 'os'), architecture: await facetValues(db, 'architecture') }
  const first = after === undefined ? undefined : withQuery(path, query)
  return sendPage(
    reply,
    200,
    cataloguePage({ search, page, facets, feed: withQuery('/catalogue.atom', query), first, next }),
  )
}

const answerProducer = async (service: Service, request: FastifyRequest, reply: FastifyReply, segment: string) => {
  const { read: db } = service.database
  const { name: handle, form } = splitForm(segment)
  const producer = await findProducerByHandle(db, handle)
  if (producer === undefined) throw apiError('resource_not_found', { kind: 'producer', id: handle })
  const search: Search = { text: '', os: '', architecture: '', producer: handle }
  const after = parseAfter(new Map(parseQuery(request.url)).get('after'))
  const { listings, next } = await searchListings(db, search, after, form === 'atom' ? feedEntriesMax : pageSize)
  const pagePath = producerPath(handle)
  if (form === 'atom') {
    const title = `Images of ${producer.name}`
    const feed = { title, path: `${pagePath}.atom`, pagePath, entries: listings, since: producer.created_at }
    return sendFeed(reply, feed, service)
  }
  const path = form === 'json' ? `${pagePath}.json` : pagePath
  const nextLink = next === undefined ? undefined : afterLink(path, '', next)
  if (form === 'json') {
    return sendPublicJson(reply, {
      producer: producerDocument(producer),
      listings: listings.map(publicListing),
      next: nextLink ?? null,
    })
  }
  const first = after === undefined ? undefined : path
  return sendPage(reply, 200, producerPage(producer, listings, { first, next: nextLink }))
}

const answerListing = async (
  service: Service,
  reply: FastifyReply,
  { handle, slug: segment }: { handle: string; slug: string },
) => {
  const { name: slug, form } = splitForm(segment)
  const row = await findAnnounced(service.database.read, handle, slug)
  if (row === undefined) throw apiError('resource_not_found', { kind: 'listing', id: `${handle}/${slug}` })
  if (form === 'json') return sendPublicJson(reply, fullListing(row))
  if (form === 'html') return sendPage(reply, 200, listingPage(row, service))
  const pagePath = listingPath(row)
  const feed = { title: row.title, path: `${pagePath}.atom`, pagePath, entries: [row], since: row.published_at }
  return sendFeed(reply, feed, service)
}

const producerParams = Type.Object({ handle: Type.String({ description: 'Handle of the producer.' }) })
const listingParams = Type.Object({
  ...producerParams.properties,
  slug: Type.String({ description: 'Slug of the listing.' }),
})
const iconParams = Type.Object({ digest: Type.String({ description: 'SHA-256 of the icon.' }) })

/** What never changes under its address, and the pages need. */
const assetRoutes = (app: FastifyInstance, { database }: Service): void => {
  app.get('/catalogue/style.css', { schema: { hide: true }, exposeHeadRoute: true }, async (request, reply) => {
    reply.headers({ 'content-type': 'text/css; charset=utf-8', 'x-content-type-options': 'nosniff' })
    const isThis = new Map(parseQuery(request.url)).get('v') === styleDigest
    return isThis ? sendUnchanging(reply, styleSheet) : sendPublic(reply, styleSheet)
  })

  app.get('/catalogue/mark.svg', { schema: { hide: true }, exposeHeadRoute: true }, async (_request, reply) => {
    reply.headers({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    })
    return sendPublic(reply, mark)
  })

  app.get<{ Params: Static<typeof iconParams> }>(
    '/catalogue/icons/:digest',
    {
      schema: { tags, security: [], summary: 'Icon of a listing', params: iconParams },
      exposeHeadRoute: true,
    },
    async (request, reply) => {
      const { digest } = request.params
      const icon = await findIcon(database.read, digest)
      if (icon === undefined) throw apiError('resource_not_found', { kind: 'icon', id: digest })
      // A picture of a stranger: whatever else its bytes could be taken for, it does nothing.
      reply.headers({
        'content-type': icon.mediaType,
        'content-disposition': 'inline; filename="icon"',
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
      })
      return sendUnchanging(reply, icon.bytes)
    },
  )
}

const searchText =
  'Query: `q` (words that must all occur), `os`, `architecture`, `producer` (a handle), `after` (as in `next`).'

/** The pages, feeds and documents that everyone can read (docs/reference/catalogue.md). */
export const catalogueRoutes = (app: FastifyInstance, service: Service): void => {
  const open = { exposeHeadRoute: true }
  for (const path of ['/catalogue', '/catalogue/']) {
    app.get(path, { schema: { hide: true }, ...open }, (request, reply) =>
      answerCatalogue(service, request, reply, 'html'),
    )
  }
  app.get(
    '/catalogue.json',
    {
      schema: {
        tags,
        security: [],
        summary: 'Search the catalogue',
        description: searchText,
        response: { 200: CatalogueSchema },
      },
      ...open,
    },
    (request, reply) => answerCatalogue(service, request, reply, 'json'),
  )
  app.get(
    '/catalogue.atom',
    { schema: { tags, security: [], summary: 'New listings as an Atom feed', description: searchText }, ...open },
    (request, reply) => answerCatalogue(service, request, reply, 'atom'),
  )

  app.get<{ Params: Static<typeof producerParams> }>(
    '/catalogue/producers/:handle',
    {
      schema: {
        tags,
        security: [],
        summary: 'A producer and its listings',
        description: 'A page; with `.json` behind the handle a document, with `.atom` a feed.',
        params: producerParams,
        response: { 200: ProducerPageSchema },
      },
      ...open,
    },
    (request, reply) => answerProducer(service, request, reply, request.params.handle),
  )

  app.get<{ Params: Static<typeof listingParams> }>(
    '/catalogue/producers/:handle/:slug',
    {
      schema: {
        tags,
        security: [],
        summary: 'A listing',
        description: 'A page; with `.json` behind the slug a document, with `.atom` a feed.',
        params: listingParams,
        response: { 200: PublicListingSchema },
      },
      ...open,
    },
    (request, reply) => answerListing(service, reply, request.params),
  )
  assetRoutes(app, service)
}
