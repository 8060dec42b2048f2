import type { FastifyInstance } from 'fastify'
import { sendJson } from '../http/json.ts'
import type { EmbeddedContext } from './context.ts'
import { told } from './told.ts'

const versionEntry = (id: string, status: string, url: string, mediaType: string) => ({
  id,
  status,
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: url }],
  'media-types': [{ base: 'application/json', type: `application/vnd.openstack.${mediaType}+json` }],
})

const v3 = (identityUrl: string) => versionEntry('v3.14', 'stable', `${identityUrl}/v3/`, 'identity-v3')
const v2 = (identityUrl: string) => versionEntry('v2.0', 'deprecated', `${identityUrl}/v2.0/`, 'identity-v2.0')

/** Which versions there are. v2.0 is there but not advertised, because clients without a domain would choose it. */
export const discoveryRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  app.get('/', told('Versions of the identity service', 300), async (request, reply) => {
    const base = context.identityUrl(request)
    return sendJson(reply.header('location', `${base}/v3/`), 300, { versions: { values: [v3(base)] } })
  })
  for (const slash of ['', '/']) {
    app.get(`/v3${slash}`, told('The version 3'), async (request, reply) =>
      sendJson(reply, 200, { version: v3(context.identityUrl(request)) }),
    )
    app.get(`/v2.0${slash}`, told('The version 2.0'), async (request, reply) =>
      sendJson(reply, 200, { version: v2(context.identityUrl(request)) }),
    )
  }
}
