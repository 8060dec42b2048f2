import type { Database } from '../database/database.ts'
import type { EventRow } from '../database/tables.ts'
import type { Listener } from './port.ts'

const eventsAtOnce = 500

/** Hands events to the live streams of this process, in the order of their positions. */
export interface Hub {
  /** Looks for new events, if anybody listens: one query, however many do. */
  wake(): Promise<void>
  listen(listener: Listener): Promise<{ readonly position: number; readonly stop: () => void }>
}

/** The projects that may read an event, of those that it names. */
export const readersOf = ({ owner_id, member_id, audience }: EventRow): ReadonlySet<string> => {
  const readers = new Set<string>()
  if (owner_id !== null && audience !== 'consumer') readers.add(owner_id)
  if (member_id !== null && audience !== 'owner') readers.add(member_id)
  return readers
}

export const createHub = (database: Database): Hub => {
  const byProject = new Map<string, Set<Listener>>()
  let position = 0
  let turn: Promise<void> = Promise.resolve()

  const last = async (): Promise<number> => {
    const row = await database.read
      .selectFrom('events')
      .select('position')
      .where('position', 'is not', null)
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.position ?? 0
  }

  const handOut = (row: EventRow): void => {
    for (const project of readersOf(row)) for (const { onEvent } of byProject.get(project) ?? []) onEvent(row)
  }

  const readOn = async (): Promise<void> => {
    for (;;) {
      const rows = await database.read
        .selectFrom('events')
        .selectAll()
        .where('position', '>', position)
        .orderBy('position')
        .limit(eventsAtOnce)
        .execute()
      for (const row of rows) {
        position = row.position ?? position
        handOut(row)
      }
      if (rows.length < eventsAtOnce) return
    }
  }

  /** One look at a time, so that no event is handed out twice. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine
  }

  const join = (listener: Listener): (() => void) => {
    const { projectId } = listener
    const others = byProject.get(projectId) ?? new Set()
    byProject.set(projectId, others.add(listener))
    return () => {
      others.delete(listener)
      if (others.size === 0 && byProject.get(projectId) === others) byProject.delete(projectId)
    }
  }

  return {
    wake: () => (byProject.size === 0 ? Promise.resolve() : inTurn(readOn)),
    listen: async (listener) => {
      let joined: { position: number; stop: () => void } | undefined
      await inTurn(async () => {
        if (byProject.size === 0) position = await last()
        else await readOn()
        joined = { position, stop: join(listener) }
      })
      if (joined === undefined) throw new Error('nobody could listen')
      return joined
    },
  }
}
