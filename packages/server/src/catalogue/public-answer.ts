import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** As long as everyone may keep what everyone may see. */
const keptSeconds = 60

const etagOf = (body: Buffer): string => `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`

const isSame = (given: string | undefined, etag: string): boolean =>
  (given ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag || one.trim() === '*')

/** Sends what is the same for everyone, or 304 to who has it. Media type and other headers are set before. */
export const sendPublic = (reply: FastifyReply, body: Buffer): FastifyReply => {
  const etag = etagOf(body)
  reply.headers({ etag, 'cache-control': `public, max-age=${keptSeconds}` })
  return isSame(reply.request.headers['if-none-match'], etag) ? reply.code(304).send() : reply.send(body)
}

/** Sends what is and stays the same under its address. */
export const sendUnchanging = (reply: FastifyReply, body: Buffer): FastifyReply =>
  reply.header('cache-control', 'public, max-age=31536000, immutable').send(body)
