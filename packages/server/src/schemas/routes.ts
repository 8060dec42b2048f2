import { schemaDocuments } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { refuseBody } from '../http/body.ts'
import { sendDocument } from '../http/json.ts'

/** The schema documents; any valid token reads them, whatever its roles. */
export const schemaRoutes = (app: FastifyInstance): void => {
  for (const [name, document] of Object.entries(schemaDocuments)) {
    const json = JSON.stringify(document)
    const takesBody = name === 'task' || name === 'tasks'
    app.get(
      `/v2/schemas/${name}`,
      { schema: { tags: ['schemas'], summary: `The schema of ${document.name}` } },
      async (request, reply) => {
        if (!takesBody) await refuseBody(request)
        return sendDocument(reply, 200, json)
      },
    )
  }
}
