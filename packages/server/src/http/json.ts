import type { FastifyReply } from 'fastify'

/**
 * Answers with a document that is JSON text already. Sent as bytes, because Fastify would add a charset to the media
 * type otherwise.
 */
export const sendDocument = (reply: FastifyReply, status: number, json: string): FastifyReply =>
  reply.code(status).header('content-type', 'application/json').send(Buffer.from(json))

/** Answers with a JSON document. */
export const sendJson = (reply: FastifyReply, status: number, document: unknown): FastifyReply =>
  sendDocument(reply, status, JSON.stringify(document))

/** An instant as the API writes it: UTC, whole seconds. */
export const wireDate = (instant: number): string => `${new Date(instant).toISOString().slice(0, 19)}Z`
