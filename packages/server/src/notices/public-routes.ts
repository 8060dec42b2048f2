import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { apiError } from '../api-error.ts'
import { sendPage } from '../catalogue/page.ts'
import { refuseBody } from '../http/body.ts'
import type { Service } from '../service.ts'
import { addressToConfirm, confirmAddress, resubscribe, subscriptionOf, unsubscribe } from './addresses.ts'
import { renderFeed } from './feeds.ts'
import { confirmPath, unsubscribePath } from './links.ts'
import { confirmedPage, confirmPage, resubscribedPage, unsubscribedPage, unsubscribePage } from './pages.ts'

const tags = ['extensions']
const secretParams = Type.Object({ secret: Type.String({ description: 'The secret of the link.' }) })
interface SecretPath {
  Params: Type.Static<typeof secretParams>
}

const schemaOf = (summary: string) => ({ tags, summary, params: secretParams, security: [] })

const formOf = ({ body }: FastifyRequest): URLSearchParams =>
  new URLSearchParams(Buffer.isBuffer(body) ? body.toString('utf8') : '')

const feedSuffix = '.atom'

const sendFeed = (reply: FastifyReply, feed: string): FastifyReply =>
  reply
    .code(200)
    .headers({
      'content-type': 'application/atom+xml; charset=utf-8',
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    .send(Buffer.from(feed))

/**
 * The links of mails, and feeds (docs/reference/notices.md). Nothing ever happens on GET. Whoever has a link may use it: the
 * pages know no session, and no other site gains from making a browser send their forms.
 */
export const publicNoticeRoutes = (app: FastifyInstance, service: Service): void => {
  const { database, now } = service

  app.get<SecretPath>(
    confirmPath(':secret'),
    { exposeHeadRoute: true, schema: schemaOf('Ask whether an address wants notices') },
    async (request, reply) => {
      await refuseBody(request)
      const { secret } = request.params
      const row = await addressToConfirm(database.read, secret, now())
      return sendPage(reply, 200, confirmPage(confirmPath(encodeURIComponent(secret)), row.email, row.project_id))
    },
  )

  app.post<SecretPath>(confirmPath(':secret'), { schema: schemaOf('Confirm an address') }, async (request, reply) => {
    const { email } = await confirmAddress(service, request.params.secret)
    return sendPage(reply, 200, confirmedPage(email))
  })

  app.get<SecretPath>(
    unsubscribePath(':secret'),
    { exposeHeadRoute: true, schema: schemaOf('Ask whether mails shall end') },
    async (request, reply) => {
      await refuseBody(request)
      const { secret } = request.params
      const path = unsubscribePath(encodeURIComponent(secret))
      const found = await subscriptionOf(database.read, secret)
      const ended = found.kind === 'mailbox' ? found.ended : found.row.state === 'unsubscribed'
      return sendPage(reply, 200, ended ? unsubscribedPage(path, found) : unsubscribePage(path, found))
    },
  )

  app.post<SecretPath>(
    unsubscribePath(':secret'),
    {
      schema: {
        ...schemaOf('End mails'),
        description: 'By the button of the page, or by a mail program in one click (RFC 8058).',
      },
    },
    async (request, reply) => {
      const { secret } = request.params
      if (formOf(request).get('undo') === '1') {
        return sendPage(reply, 200, resubscribedPage(await resubscribe(service, secret)))
      }
      const path = unsubscribePath(encodeURIComponent(secret))
      return sendPage(reply, 200, unsubscribedPage(path, await unsubscribe(service, secret)))
    },
  )

  app.get<{ Params: { file: string } }>(
    '/catalogue/feeds/:file',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        summary: 'The Atom feed of a project',
        params: Type.Object({ file: Type.String({ description: 'The secret of the feed, and .atom.' }) }),
        security: [],
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { file } = request.params
      if (!file.endsWith(feedSuffix)) throw apiError('link_not_found', {})
      return sendFeed(reply, await renderFeed(service, file.slice(0, -feedSuffix.length)))
    },
  )
}
