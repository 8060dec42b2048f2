import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { errorTitle } from '@vitrine/contract'
import type { FastifyReply } from 'fastify'
import { html, type Markup } from '../http/markup.ts'
import { sendPublic } from './public-answer.ts'

/** One page of ours for people. */
export interface Page {
  readonly title: string
  /** What stands in `<main>`, with one `<h1>`. */
  readonly main: Markup
  /** More elements of `<head>`: feeds, descriptions. */
  readonly head?: Markup
  /** False for pages behind secret links: they are neither cached nor indexed, nor tell where they were. */
  readonly isPublic: boolean
  /** False where the page has a search of its own. */
  readonly hasSearch?: boolean
}

/** The one style sheet of the pages. */
export const styleSheet = readFileSync(new URL('style.css', import.meta.url))
/** Part of its address, so that a new one is another address and this one can be kept for good. */
export const styleDigest = createHash('sha256').update(styleSheet).digest('base64url').slice(0, 16)

/** The mark in the tab of a browser. */
export const mark = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="#fff" stroke="#0b5b6b" stroke-width="3"><rect x="9" y="9" width="20" height="20" rx="4"/><rect x="3" y="3" width="20" height="20" rx="4"/></g></svg>\n',
)

const searchForm = html`<form action="/catalogue" role="search"><label class="unseen" for="find">Search the catalogue</label><input id="find" type="search" name="q" placeholder="Search images" maxlength="200"><button>Search</button></form>`

const frame = ({ title, main, head, hasSearch = true }: Page): Markup => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title === 'Vitrine' ? title : html`${title} - Vitrine`}</title>
<link rel="icon" href="/catalogue/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/catalogue/style.css?v=${styleDigest}">
${head}</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide"><a class="brand" href="/catalogue">Vitrine</a>${hasSearch && searchForm}</div></header>
<main id="main" class="wide" tabindex="-1">
${main}
</main>
<footer class="foot"><div class="wide"><p>Vitrine: images for clouds, shared between projects. <a href="/catalogue">Catalogue</a> &middot; <a href="/docs">API</a></p></div></footer>
</body>
</html>
`

const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Answers with a page that runs no script, loads nothing from elsewhere and stands in no frame. */
export const sendPage = (reply: FastifyReply, status: number, page: Page): FastifyReply => {
  const { isPublic } = page
  reply.code(status).headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': pagePolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': isPublic ? 'same-origin' : 'no-referrer',
  })
  const body = Buffer.from(frame(page).toString())
  if (isPublic && status === 200) return sendPublic(reply, body)
  return reply.headers({ 'cache-control': 'private, no-store', 'x-robots-tag': 'noindex' }).send(body)
}

/** Tells a person in a browser what went wrong. Never cached. */
export const sendErrorPage = (reply: FastifyReply, status: number, message: string): FastifyReply =>
  sendPage(reply, status, {
    title: errorTitle(status),
    main: html`<h1>${status === 404 ? 'There is nothing here' : errorTitle(status)}</h1>
<p class="lead">${message}</p>
<p><a class="button plain" href="/catalogue">Go to the catalogue</a></p>`,
    isPublic: false,
  })
