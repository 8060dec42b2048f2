import type { FastifyReply } from 'fastify'
import { html, type Markup } from '../http/markup.ts'

/** One page of ours for people. */
export interface Page {
  readonly title: string
  /** What stands in `<main>`, with one `<h1>`. */
  readonly main: Markup
  /** More elements of `<head>`: feeds, descriptions. */
  readonly head?: Markup
  /** False for pages behind secret links: they are neither cached nor indexed, nor tell where they were. */
  readonly isPublic: boolean
}

/** Answers with a page that runs no script, loads nothing from elsewhere and stands in no frame. */
export const sendPage = (reply: FastifyReply, status: number, { title, main, head, isPublic }: Page): FastifyReply =>
  reply
    .code(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': isPublic ? 'same-origin' : 'no-referrer',
      'cache-control': isPublic ? 'public, max-age=60' : 'private, no-store',
      ...(isPublic ? {} : { 'x-robots-tag': 'noindex' }),
    })
    .send(
      Buffer.from(
        html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>${head}</head><body><main>${main}</main></body></html>
`.toString(),
      ),
    )
