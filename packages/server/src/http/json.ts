import type { FastifyReply } from 'fastify'

const asItIs = (json: unknown): string => String(json)

/**
 * Answers with a document that is JSON text already. It has a serialiser of its own, because Fastify would add a charset
 * to the media type otherwise.
 */
export const sendDocument = (reply: FastifyReply, status: number, json: string): FastifyReply =>
  reply.code(status).serializer(asItIs).header('content-type', 'application/json').send(json)

/** Answers with a JSON document. */
export const sendJson = (reply: FastifyReply, status: number, document: unknown): FastifyReply =>
  sendDocument(reply, status, JSON.stringify(document))

/** An instant as the API writes it: UTC, whole seconds. */
export const wireDate = (instant: number): string => `${new Date(instant).toISOString().slice(0, 19)}Z`
