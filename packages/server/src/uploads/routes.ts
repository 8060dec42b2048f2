import { type UploadDocument, UploadSchema, UploadsSchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { digestHeaders } from '../data/digest-headers.ts'
import { chosenStore } from '../data/routes.ts'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody, withStreamedBodies } from '../http/body.ts'
import { sendJson, wireDate } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { publicUrlOf } from '../http/public-url.ts'
import { findImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { freeElsewhere, readLiveUpload, readUpload } from './claim.ts'
import { beginUpload } from './create.ts'
import { cancelUpload } from './end.ts'
import { type Caller, takeUploadPart } from './part.ts'
import { listUploads, readFailure, type Upload } from './queries.ts'
import {
  announcedLength,
  checkPartMediaType,
  checkTusVersion,
  partChecksum,
  partMediaType,
  partOffset,
  tusAlgorithms,
  tusExtensions,
  tusVersion,
  uploadMetadata,
} from './tus.ts'

const tags = ['uploads']

const uploadParams = Type.Object({
  ...imageParams.properties,
  uploadId: Type.String({ description: 'Id of the upload.' }),
})
interface UploadPath {
  Params: Static<typeof uploadParams>
}

const uploadDocument = (upload: Upload): UploadDocument => ({
  id: upload.id,
  image_id: upload.image_id,
  state: upload.state,
  size: upload.size_bytes,
  offset: upload.offset_bytes,
  message: upload.failure === null ? null : readFailure(upload).message,
  created_at: wireDate(upload.created_at),
  expires_at: wireDate(upload.expires_at),
})

const callerOf = (service: Service, request: FastifyRequest): Caller => ({
  actor: actorOf(request),
  holder: holderOf(request),
  cause: causeOf(request, service.now()),
})

const bodyLength = ({ raw }: FastifyRequest): number | undefined =>
  raw.headers['content-length'] === undefined ? undefined : Number(raw.headers['content-length'])

const hasBody = ({ raw }: FastifyRequest): boolean =>
  raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > 0

const describe = (
  reply: FastifyReply,
  { state, size_bytes, offset_bytes, expires_at, metadata }: Upload,
): FastifyReply => {
  if (metadata !== null) reply.header('upload-metadata', metadata)
  if (state === 'open') reply.header('upload-expires', new Date(expires_at).toUTCString())
  return reply.header('upload-length', String(size_bytes)).header('upload-offset', String(offset_bytes))
}

const collectionRoutes = (app: FastifyInstance, service: Service): void => {
  app.options<ImagePath>(
    '/v2/images/:imageId/uploads',
    { schema: { tags, summary: 'What resumable uploads can do here', params: imageParams } },
    async (_request, reply) =>
      reply
        .code(204)
        .header('tus-version', tusVersion)
        .header('tus-extension', tusExtensions)
        .header('tus-max-size', String(service.limits.image_size_bytes))
        .header('tus-checksum-algorithm', tusAlgorithms)
        .send(),
  )

  app.get<ImagePath>(
    '/v2/images/:imageId/uploads',
    {
      schema: {
        tags,
        summary: 'List the resumable uploads of an image',
        params: imageParams,
        response: { 200: UploadsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const actor = actorOf(request)
      const { imageId } = request.params
      const { database, now } = service
      entitled(
        actor,
        'image.change',
        { image: imageId },
        await findImage(database.read, imageId, actor.projectId, now()),
      )
      return sendJson(reply, 200, { uploads: (await listUploads(database.read, imageId)).map(uploadDocument) })
    },
  )

  app.post<ImagePath>(
    '/v2/images/:imageId/uploads',
    {
      schema: {
        tags,
        summary: 'Begin a resumable upload',
        description:
          'Speaks tus 1.0.0: Tus-Resumable and Upload-Length are needed, and the answer 201 tells in Location where the parts go. The body may be the first of them.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      checkTusVersion(request.headers)
      const isUpload = hasBody(request)
      if (isUpload) checkPartMediaType(request.headers)
      const sizeBytes = announcedLength(request.headers)
      const metadata = uploadMetadata(request.headers)
      const checksum = partChecksum(request.headers)
      const expected = digestHeaders({ 'repr-digest': request.headers['repr-digest'] })
      if (isUpload && (bodyLength(request) ?? 0) > sizeBytes) throw apiError('upload_exceeds', { size: sizeBytes })
      const store = chosenStore(service, request.headers['x-image-meta-store'])
      const { imageId } = request.params
      const caller = callerOf(service, request)
      const { actor, holder, cause } = caller
      const wish = { imageId, store, sizeBytes, metadata, expected }
      const upload = await beginUpload(service, actor, holder, cause, wish)
      const name = { imageId, uploadId: upload.id }
      reply
        .code(201)
        .header('location', `${publicUrlOf(service, request)}/v2/images/${imageId}/uploads/${upload.id}`)
        .header('upload-expires', new Date(upload.expires_at).toUTCString())
      // An upload of no bytes has all of them.
      if (!isUpload && sizeBytes > 0) return reply.send()
      const lengthBytes = isUpload ? bodyLength(request) : 0
      const part = { offset: 0, lengthBytes, checksum: isUpload ? checksum : undefined, stream: request.raw }
      const offset = await takeUploadPart(service, caller, name, part)
      return reply.header('upload-offset', String(offset)).send()
    },
  )
}

const uploadRoute = '/v2/images/:imageId/uploads/:uploadId'

const resourceRoutes = (app: FastifyInstance, service: Service): void => {
  app.head<UploadPath>(
    uploadRoute,
    { schema: { tags, summary: 'Where an upload stands, to go on with it', params: uploadParams } },
    async (request, reply) => {
      checkTusVersion(request.headers)
      const actor = actorOf(request)
      const name = request.params
      await readLiveUpload(service, actor, name)
      // Whoever asks is about to go on: what is still open of an earlier connection stops first.
      const finishing = await service.uploadTurns.clear(name.uploadId)
      if (finishing === undefined) await freeElsewhere(service, name)
      const upload = await readLiveUpload(service, actor, name)
      return describe(reply.code(200).header('cache-control', 'no-store'), upload).send()
    },
  )

  app.get<UploadPath>(
    uploadRoute,
    { schema: { tags, summary: 'Show a resumable upload', params: uploadParams, response: { 200: UploadSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, uploadDocument(await readUpload(service, actorOf(request), request.params)))
    },
  )

  app.patch<UploadPath>(
    uploadRoute,
    {
      schema: {
        tags,
        summary: 'Send a part of an upload',
        description: `The body is ${partMediaType}, and begins where the upload stands (Upload-Offset). When this answers 204 with the whole length in Upload-Offset, the image is active.`,
        params: uploadParams,
      },
    },
    async (request, reply) => {
      checkTusVersion(request.headers)
      checkPartMediaType(request.headers)
      const offset = partOffset(request.headers)
      const checksum = partChecksum(request.headers)
      const part = { offset, lengthBytes: bodyLength(request), checksum, stream: request.raw }
      const stands = await takeUploadPart(service, callerOf(service, request), request.params, part)
      const upload = await readLiveUpload(service, actorOf(request), request.params)
      return describe(reply.code(204), { ...upload, offset_bytes: stands }).send()
    },
  )

  app.delete<UploadPath>(
    uploadRoute,
    { schema: { tags, summary: 'Call an upload off', params: uploadParams } },
    async (request, reply) => {
      checkTusVersion(request.headers)
      await refuseBody(request)
      const { actor, cause } = callerOf(service, request)
      const name = request.params
      await readLiveUpload(service, actor, name)
      await (await service.uploadTurns.clear(name.uploadId))?.done
      await freeElsewhere(service, name)
      await cancelUpload(service, cause, await readLiveUpload(service, actor, name))
      return reply.code(204).send()
    },
  )
}

/** Resumable uploads (docs/reference/uploads.md). A plugin of its own, since bodies are streamed and answers say so. */
export const uploadRoutes = (app: FastifyInstance, service: Service): void => {
  withStreamedBodies(app)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('tus-resumable', tusVersion)
  })
  collectionRoutes(app, service)
  resourceRoutes(app, service)
}
