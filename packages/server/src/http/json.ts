import type { FastifyReply } from 'fastify'

/** Answers with a JSON document. Sent as bytes, because Fastify would add a charset to the media type otherwise. */
export const sendJson = (reply: FastifyReply, status: number, document: unknown): FastifyReply =>
  reply
    .code(status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(document)))

/** An instant as the API writes it: UTC, whole seconds. */
export const wireDate = (instant: number): string => `${new Date(instant).toISOString().slice(0, 19)}Z`
