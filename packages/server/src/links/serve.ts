import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { apiError } from '../api-error.ts'
import { chosenRange, neverRendered, openImageBytes, sendPart } from '../data/download.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Service } from '../service.ts'
import { type Admitted, admit } from './admit.ts'
import { judge, rangeCounts, type Validators } from './conditions.ts'
import { watchRight } from './watch.ts'

/** Bytes never change once they are there, so that the hash of all of them names them. */
const validatorsOf = ({ id, os_hash_algo, os_hash_value, created_at }: ImagesTable): Validators => ({
  etag: `"${os_hash_value === null ? id : `${os_hash_algo}-${os_hash_value}`}"`,
  lastModified: Math.floor(created_at / 1000) * 1000,
})

/** The range that a request asks for, if it counts. Units other than bytes do not, as HTTP has it. */
const rangeOf = ({ headers }: FastifyRequest, validators: Validators): string | undefined => {
  const { range } = headers
  const counts = range !== undefined && /^\s*bytes\s*=/i.test(range) && rangeCounts(headers, validators)
  return counts ? range : undefined
}

/** Links that were counted as a use; the oldest are forgotten, and may count once more. */
const countedMax = 10_000

/**
 * Answers requests for the bytes behind links.
 * @returns a handler for GET and HEAD; it throws what `admit` does, and `image_damaged`, `store_unavailable`,
 *   `precondition_failed`
 */
export const createServing = (service: Service) => {
  const counted = new Set<string>()

  /** A machine reads its disk in thousands of pieces, and seldom all of them: that is one use. */
  const countUse = ({ linkId, image, consumer }: Admitted): void => {
    if (consumer === undefined || counted.has(linkId)) return
    const [oldest] = counted.size < countedMax ? [] : counted
    if (oldest !== undefined) counted.delete(oldest)
    counted.add(linkId)
    service.usage.count(image.id, consumer)
  }

  return async (request: FastifyRequest, reply: FastifyReply, secret: string): Promise<FastifyReply> => {
    const admitted = await admit(service, secret, request.id)
    const { image, dataKey } = admitted
    const reader = await openImageBytes(service, { requestId: request.id }, image, async () => dataKey)
    dataKey?.fill(0)
    if (reader === undefined) throw apiError('image_damaged', {})
    try {
      const validators = validatorsOf(image)
      const headers = {
        etag: validators.etag,
        'last-modified': new Date(validators.lastModified).toUTCString(),
        'cache-control': 'private, no-store',
        'referrer-policy': 'no-referrer',
      }
      const verdict = judge(request.headers, validators)
      if (verdict === 'failed') throw apiError('precondition_failed', {})
      if (verdict === 'known') return reply.code(304).headers(headers).send()
      if (request.method === 'HEAD') {
        const { sizeBytes } = reader
        return reply
          .headers({ ...neverRendered, ...headers, 'accept-ranges': 'bytes', 'content-length': sizeBytes })
          .send()
      }
      // Machines that boot take whatever comes for what they asked for.
      const chosen = chosenRange({ range: rangeOf(request, validators) }, reader.sizeBytes)
      const watch = watchRight(() => admit(service, secret, request.id).then((again) => again.dataKey?.fill(0)))
      const { socket } = request.raw
      // What the operating system has taken already is not to be sent either.
      watch.signal.addEventListener('abort', () => socket instanceof Socket && socket.resetAndDestroy())
      const signal = AbortSignal.any([service.stopping, watch.signal])
      try {
        const isSent = await sendPart(service, request, reply, reader, image.id, { ...chosen, headers, signal })
        if (isSent) countUse(admitted)
      } finally {
        watch.stop()
      }
    } finally {
      await reader.close()
    }
    return reply
  }
}
