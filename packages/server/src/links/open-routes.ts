import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { refuseBody } from '../http/body.ts'
import type { Service } from '../service.ts'
import { createServing } from './serve.ts'

const secretParams = Type.Object({ secret: Type.String({ description: 'The secret of the link.' }) })
const fileParams = Type.Object({
  ...secretParams.properties,
  fileName: Type.String({ description: 'For programs that go by the ends of names; it may be any.' }),
})
interface SecretPath {
  Params: Static<typeof secretParams>
}

/** The bytes behind links, for whoever has the address (docs/reference/links.md). */
export const openLinkRoutes = (app: FastifyInstance, service: Service): void => {
  const serve = createServing(service)
  const handler = async (request: FastifyRequest<SecretPath>, reply: FastifyReply) => {
    // Also of refusals: nothing on the way may keep an answer, or tell others from which address it came.
    reply.headers({ 'cache-control': 'private, no-store', 'referrer-policy': 'no-referrer' })
    await refuseBody(request)
    return serve(request, reply, request.params.secret)
  }
  for (const [url, params] of [
    ['/links/:secret', secretParams],
    ['/links/:secret/:fileName', fileParams],
  ] as const) {
    app.route<SecretPath>({
      method: ['GET', 'HEAD'],
      url,
      schema: {
        tags: ['links'],
        summary: 'Read the bytes of an image by a link',
        description: 'Without a token. GET takes one range; HEAD answers what the whole would be.',
        params,
      },
      handler,
    })
  }
}
