import { PassThrough } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { projectOf } from '../access/project.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { EventRow } from '../database/tables.ts'
import { actorOf } from '../http/authentication.ts'
import { pathOf } from '../http/query.ts'
import { tooMany } from '../notices/counts.ts'
import type { Service } from '../service.ts'
import { eventsBetween } from './activity.ts'
import { activityDocument } from './document.ts'

/** The live stream of a project: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

const heartbeatMs = 15_000
/** How long a token that has ended keeps its stream at most, unless identity cannot be asked. */
const checkTokenMs = 30_000
const failedChecksMax = 3
const reconnectMs = 3000
const streamsPerProject = 10
/** What a reader may leave unread before it is cut off; it can go on later from where it was. */
const unreadBytesMax = 1024 * 1024
const unsentEventsMax = 5000
const backlogChunk = 500

/** How many streams each project has here. */
export interface StreamCounts {
  /** @throws ApiError `too_many_requests` */
  enter(projectId: string): () => void
}

export const createStreamCounts = (): StreamCounts => {
  const open = new Map<string, number>()
  return {
    enter: (projectId) => {
      const count = open.get(projectId) ?? 0
      if (count >= streamsPerProject) {
        throw tooMany('live streams of your project', 30)
      }
      open.set(projectId, count + 1)
      return () => {
        const left = (open.get(projectId) ?? 1) - 1
        if (left === 0) open.delete(projectId)
        else open.set(projectId, left)
      }
    },
  }
}

/** @throws ApiError `invalid_header` */
const parseLastId = (sent: string | string[] | undefined): number | undefined => {
  if (sent === undefined || sent === '') return undefined
  if (typeof sent !== 'string' || !/^\d{1,15}$/.test(sent)) {
    throw apiError('invalid_header', { name: 'Last-Event-ID', why: 'it is not the id of an event of this stream' })
  }
  return Number(sent)
}

const frame = (row: EventRow, projectId: string): string =>
  `id: ${row.position}\nevent: ${row.type}\ndata: ${JSON.stringify(activityDocument(row, projectId))}\n\n`

/** Whether the token still stands for the same project with the same rights to read. */
const createTokenCheck = (service: Service, request: FastifyRequest, projectId: string) => {
  const token = [request.headers['x-auth-token'], request.headers['x-storage-token']].find(
    (sent): sent is string => typeof sent === 'string' && sent.trim() !== '',
  )
  const call = { method: request.method, path: pathOf(request.url) }
  let failed = 0
  return async (): Promise<boolean> => {
    try {
      const actor = await service.identity.validate(token?.trim() ?? '', call)
      failed = 0
      return actor.projectId === projectId && actor.roles.has('reader')
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false
      failed += 1
      return failed < failedChecksMax
    }
  }
}

/** Writes to one reader, who is cut off when it does not keep up. */
const createOutlet = (request: FastifyRequest, stream: PassThrough) => {
  const unread = () => stream.readableLength + stream.writableLength + (request.raw.socket?.writableLength ?? 0)
  return {
    write: (text: string): void => {
      if (stream.destroyed || stream.writableEnded) return
      stream.write(text)
      if (unread() > unreadBytesMax) stream.destroy()
    },
    /** Waits until the reader has taken in what was written. */
    room: async (): Promise<void> => {
      while (!stream.destroyed && !stream.writableEnded && unread() > unreadBytesMax / 2) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

/** Answers with the stream; it goes on until the reader leaves, its token ends or the service stops. */
export const streamActivity = async (
  service: Service,
  counts: StreamCounts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const projectId = projectOf(actorOf(request), 'reader')
  const lastId = parseLastId(request.headers['last-event-id'])
  const leave = counts.enter(projectId)
  const stream = new PassThrough()
  const outlet = createOutlet(request, stream)

  // Live events wait until those from before are written.
  let waiting: EventRow[] | undefined = []
  const onEvent = (row: EventRow): void => {
    if (waiting === undefined) outlet.write(frame(row, projectId))
    else if (waiting.length < unsentEventsMax) waiting.push(row)
    else stream.destroy()
  }
  let joined: Awaited<ReturnType<Service['notices']['listen']>>
  try {
    joined = await service.notices.listen({ projectId, onEvent })
  } catch (error) {
    leave()
    throw error
  }

  const end = (): void => void stream.end()
  const heartbeat = setInterval(() => outlet.write(': still here\n\n'), heartbeatMs)
  const isStillValid = createTokenCheck(service, request, projectId)
  const check = setInterval(() => {
    void isStillValid().then((valid) => {
      if (!valid) end()
    })
  }, checkTokenMs)
  service.stopping.addEventListener('abort', end, { once: true })
  const close = (): void => {
    clearInterval(heartbeat)
    clearInterval(check)
    service.stopping.removeEventListener('abort', end)
    joined.stop()
    leave()
  }
  stream.once('close', close)
  stream.on('error', () => undefined)
  if (service.stopping.aborted) end()

  const catchUp = async (): Promise<void> => {
    let after = lastId ?? joined.position
    // An id without data: whoever is cut off before the first event can go on from here.
    outlet.write(`retry: ${reconnectMs}\nid: ${after}\n\n`)
    for (;;) {
      const rows = await eventsBetween(service.database.read, projectId, {
        after,
        upTo: joined.position,
        limit: backlogChunk,
      })
      for (const row of rows) outlet.write(frame(row, projectId))
      after = rows.at(-1)?.position ?? after
      if (rows.length < backlogChunk || stream.destroyed) break
      await outlet.room()
    }
    const held = waiting ?? []
    waiting = undefined
    for (const row of held) outlet.write(frame(row, projectId))
  }
  void catchUp().catch((error: unknown) => {
    request.log.error({ err: error }, 'a live stream failed')
    stream.destroy()
  })

  return reply
    .code(200)
    .headers({
      'content-type': 'text/event-stream',
      'cache-control': 'private, no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    .send(stream)
}
