import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { sendJson } from './json.ts'

/** Nothing from elsewhere, and no page of somebody else around ours. */
const pagePolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

/** The API as OpenAPI 3.1 and as pages to read. Registered before the routes that it describes. */
export const withOpenApi = async (app: FastifyInstance): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Vitrine',
        description:
          'Images for clouds, shared between projects: the OpenStack Image API v2 and the extensions of Vitrine.',
        version: '0.1.0',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } },
      },
      security: [{ token: [] }],
      tags: [
        { name: 'images', description: 'Image records' },
        { name: 'data', description: 'The bytes of images' },
        { name: 'uploads', description: 'Uploads that go on where they were cut off' },
        { name: 'links', description: 'Links to bytes, for tools without a token' },
        { name: 'members', description: 'Sharing images with projects' },
        { name: 'tasks', description: 'Long work' },
        { name: 'stores', description: 'Where bytes are kept, and what the service offers' },
        { name: 'cache', description: 'Copies of images near the service' },
        { name: 'metadefs', description: 'Metadata definitions: what properties mean' },
        { name: 'schemas', description: 'JSON schemas of the documents' },
        { name: 'extensions', description: 'What Vitrine adds to the Image API' },
        { name: 'inbox', description: 'What is shared with the own project' },
        { name: 'rules', description: 'What a project accepts or blocks by itself' },
        { name: 'requests', description: 'Requests for access' },
        { name: 'invitations', description: 'Sharing by a code' },
        { name: 'keys', description: 'Encrypted images and their keys' },
        { name: 'cloud images', description: 'Batch calls as some public clouds have them' },
        { name: 'catalogue', description: 'The public catalogue and requests for access' },
        { name: 'identity', description: 'The embedded identity service' },
        { name: 'service', description: 'The state of the service' },
      ],
    },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: () => pagePolicy,
    theme: {
      title: 'Vitrine API',
      css: [{ filename: 'vitrine.css', content: '.swagger-ui .topbar { display: none }' }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => sendJson(reply, 200, app.swagger()))
}
