import {
  DataKeySchema,
  KeyCreateSchema,
  KeyEventsSchema,
  KeyGrantSchema,
  KeyGrantsSchema,
  KeySchema,
  KeysSchema,
  KeyUpdateSchema,
  UnwrappedSchema,
  UnwrapSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { type ResourcePath, resourceParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { createDataKey, unwrapDataKey } from './data-keys.ts'
import { grantDocument, keyDocument, keyEventDocument } from './document.ts'
import { grantKey, readGrants, ungrantKey } from './key-grants.ts'
import { addKey, changeKey, readKey, readKeyEvents, readKeys, removeKey, turnKey } from './keys.ts'

const tags = ['keys']
const parseCreate = bodyParser(KeyCreateSchema)
const parseUpdate = bodyParser(KeyUpdateSchema)
const parseUnwrap = bodyParser(UnwrapSchema)

const grantParams = Type.Object({
  ...resourceParams.properties,
  projectId: Type.String({ description: 'Project that may use the key.' }),
})
interface GrantPath {
  Params: Static<typeof grantParams>
}

/** Whether data keys that were handed out may go with the key. @throws ApiError `invalid_parameter` */
const parseForget = (url: string): boolean => {
  const wanted = new Map(parseQuery(url)).get('data_keys')
  if (wanted !== undefined && wanted !== 'forget') {
    throw apiError('invalid_parameter', { name: 'data_keys', why: 'it can only be forget' })
  }
  return wanted === 'forget'
}

/** Keys of a project: what they are, and what becomes of them. */
const ownKeyRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service

  app.get(
    '/v2/keys',
    {
      schema: {
        tags,
        summary: 'Keys of the own project',
        description: 'Oldest first. Query: `limit`, `marker` (id of a key).',
        response: { 200: KeysSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { limit, marker, linksAfter } = parsePage(request.url, limits)
      const views = await readKeys(service, actorOf(request), { limit, marker })
      return sendJson(reply, 200, {
        keys: views.map(keyDocument),
        ...linksAfter(views.map(({ row }) => row)),
      })
    },
  )

  app.post(
    '/v2/keys',
    {
      schema: {
        tags,
        summary: 'Make a key',
        description: 'Or take a secret of the own project in the Barbican behind the service as one.',
        body: KeyCreateSchema,
        response: { 201: KeySchema },
      },
    },
    async (request, reply) => {
      const { name, default: isDefault, grantable, secret_id } = parseCreate(request)
      const wish = { name: name ?? null, isDefault: isDefault ?? false, grantable: grantable ?? true }
      const cause = causeOf(request, now())
      const view = await addKey(service, actorOf(request), holderOf(request), cause, wish, secret_id)
      return sendJson(reply, 201, keyDocument(view))
    },
  )

  app.get<ResourcePath>(
    '/v2/keys/:id',
    { schema: { tags, summary: 'One key', params: resourceParams, response: { 200: KeySchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, keyDocument(await readKey(service, actorOf(request), request.params.id)))
    },
  )

  app.patch<ResourcePath>(
    '/v2/keys/:id',
    {
      schema: {
        tags,
        summary: 'Rename, disable, enable a key, make it the default, or forbid its grants for ever',
        params: resourceParams,
        body: KeyUpdateSchema,
        response: { 200: KeySchema },
      },
    },
    async (request, reply) => {
      const { name, status, default: isDefault, grantable } = parseUpdate(request)
      const change = { name, status, isDefault, grantable }
      const cause = causeOf(request, now())
      return sendJson(
        reply,
        200,
        keyDocument(await changeKey(service, actorOf(request), cause, request.params.id, change)),
      )
    },
  )

  app.delete<ResourcePath>(
    '/v2/keys/:id',
    {
      schema: {
        tags,
        summary: 'Delete a key that no image needs',
        response: noContent,
        description: 'Query: `data_keys=forget`, to let data keys that were handed out go with it.',
        params: resourceParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const forgets = parseForget(request.url)
      await removeKey(service, actorOf(request), causeOf(request, now()), request.params.id, forgets)
      return reply.code(204).send()
    },
  )

  app.post<ResourcePath>(
    '/v2/keys/:id/rotate',
    {
      schema: {
        tags,
        summary: 'Give a key new material',
        description: 'Data keys of images are wrapped anew afterwards; until that is done, `rotating` is true.',
        params: resourceParams,
        response: { 202: KeySchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const view = await turnKey(service, actorOf(request), causeOf(request, now()), request.params.id)
      return sendJson(reply, 202, keyDocument(view))
    },
  )

  app.get<ResourcePath>(
    '/v2/keys/:id/events',
    {
      schema: {
        tags,
        summary: 'What was done with a key',
        description: 'Newest first, also of a key that was deleted. Query: `limit`, `marker` (id of an event).',
        params: resourceParams,
        response: { 200: KeyEventsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { id } = request.params
      const { limit, marker, linksAfter } = parsePage(request.url, limits)
      const rows = await readKeyEvents(service, actorOf(request), id, { limit, marker })
      return sendJson(reply, 200, {
        events: rows.map(keyEventDocument),
        ...linksAfter(rows),
      })
    },
  )
}

/** Who else may use a key. */
const grantRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service

  app.get<ResourcePath>(
    '/v2/keys/:id/grants',
    {
      schema: {
        tags,
        summary: 'Projects that may use a key',
        description: 'Oldest first, never paged.',
        params: resourceParams,
        response: { 200: KeyGrantsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const views = await readGrants(service, actorOf(request), request.params.id)
      return sendJson(reply, 200, { grants: views.map(grantDocument) })
    },
  )

  app.put<GrantPath>(
    '/v2/keys/:id/grants/:projectId',
    {
      schema: {
        tags,
        summary: 'Let a project use a key',
        description: 'It ends with the last share that needs it, once there has been one.',
        params: grantParams,
        response: { 200: KeyGrantSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { id, projectId } = request.params
      const cause = causeOf(request, now())
      const view = await grantKey(service, actorOf(request), holderOf(request), cause, id, projectId)
      return sendJson(reply, 200, grantDocument(view))
    },
  )

  app.delete<GrantPath>(
    '/v2/keys/:id/grants/:projectId',
    {
      schema: {
        tags,
        summary: 'Let a project use a key no more',
        response: noContent,
        description: 'Shares that need it stand, but what they share cannot be read.',
        params: grantParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { id, projectId } = request.params
      await ungrantKey(service, actorOf(request), causeOf(request, now()), id, projectId)
      return reply.code(204).send()
    },
  )
}

/** Keys for projects that encrypt by themselves. */
const dataKeyRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service

  app.post<ResourcePath>(
    '/v2/keys/:id/data-keys',
    {
      schema: {
        tags,
        summary: 'A new data key, plain and wrapped',
        description: 'For whoever holds the key. The service keeps neither.',
        params: resourceParams,
        response: { 201: DataKeySchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      projectOf(actorOf(request), 'member')
      reply.header('cache-control', 'no-store')
      const document = await createDataKey(service, holderOf(request), causeOf(request, now()), request.params.id)
      return sendJson(reply, 201, document)
    },
  )

  app.post<ResourcePath>(
    '/v2/keys/:id/unwrap',
    {
      schema: {
        tags,
        summary: 'A data key back from its wrapped form',
        description: 'For whoever holds the key.',
        params: resourceParams,
        body: UnwrapSchema,
        response: { 200: UnwrappedSchema },
      },
    },
    async (request, reply) => {
      const { wrapped } = parseUnwrap(request)
      // Like a download: who may only look opens nothing.
      projectOf(actorOf(request), 'member')
      reply.header('cache-control', 'no-store')
      const { id } = request.params
      return sendJson(reply, 200, await unwrapDataKey(service, holderOf(request), causeOf(request, now()), id, wrapped))
    },
  )
}

/** Keys of projects, and who may use them (docs/reference/keys.md). */
export const keyRoutes = (app: FastifyInstance, service: Service): void => {
  ownKeyRoutes(app, service)
  grantRoutes(app, service)
  dataKeyRoutes(app, service)
}
