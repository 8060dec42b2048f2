import { type Selectable, sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import { isPostgres } from '../database/dialect.ts'
import type { DeliveriesTable } from '../database/sharing-tables.ts'

export type Delivery = Selectable<DeliveriesTable>

/** The first of each project, in their order. */
const shared = (rows: readonly Delivery[], perProject: number): Delivery[] => {
  const counts = new Map<string | null, number>()
  return rows.filter(({ project_id }) => {
    const before = counts.get(project_id) ?? 0
    counts.set(project_id, before + 1)
    return before < perProject
  })
}

/** How long a process may take for one attempt before another takes the delivery up. */
export const leaseMs = 60_000

/** What is due now and whom it must not be for. */
export interface ClaimWish {
  readonly kind: Delivery['kind']
  /** How many deliveries are wanted. */
  readonly count: number
  /** Mailboxes and URLs that are being served. */
  readonly busyTargets: readonly string[]
  /** Projects that have their part of the attempts already. */
  readonly busyProjects: readonly string[]
  /** How many of them one project gets at most. */
  readonly perProject: number
}

const due = (tx: Tx, { kind, count, busyTargets, busyProjects }: ClaimWish, now: number) => {
  let query = tx
    .selectFrom('deliveries')
    .selectAll()
    .where('state', '=', sql.lit('waiting'))
    .where('kind', '=', kind)
    .where('next_at', '<=', now)
    .where((where) => where.or([where('claimed_until', 'is', null), where('claimed_until', '<=', now)]))
    .where((where) =>
      where.or([
        where('image_id', 'is', null),
        where.not(
          where.exists(
            where
              .selectFrom('deliveries as earlier')
              .select('earlier.sequence')
              .where('earlier.state', '=', sql.lit('waiting'))
              .whereRef('earlier.target', '=', 'deliveries.target')
              .whereRef('earlier.image_id', '=', 'deliveries.image_id')
              .whereRef('earlier.sequence', '<', 'deliveries.sequence'),
          ),
        ),
      ]),
    )
    .orderBy('next_at')
    .orderBy('sequence')
    .limit(count * 2)
  if (busyTargets.length > 0) query = query.where('target', 'not in', busyTargets)
  if (busyProjects.length > 0) {
    query = query.where((where) =>
      where.or([where('project_id', 'is', null), where('project_id', 'not in', busyProjects)]),
    )
  }
  return isPostgres(tx) ? query.forUpdate().skipLocked() : query
}

/**
 * Takes deliveries that are due: one for each mailbox or webhook at most, and none before an earlier one to the same target
 * about the same image is finished.
 */
export const claim = async (tx: Tx, wish: ClaimWish, now: number): Promise<Delivery[]> => {
  if (wish.count === 0) return []
  const found = await due(tx, wish, now).execute()
  const first = [...Map.groupBy(found, ({ target }) => target).values()].flatMap((rows) => rows.slice(0, 1))
  const taken = shared(first, wish.perProject).slice(0, wish.count)
  if (taken.length === 0) return []
  await tx
    .updateTable('deliveries')
    .set({ claimed_until: now + leaseMs })
    .where(
      'sequence',
      'in',
      taken.map(({ sequence }) => sequence),
    )
    .execute()
  return taken
}

/** Lets go of deliveries that will not be tried now. */
export const release = async (tx: Tx, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return
  await tx.updateTable('deliveries').set({ claimed_until: null }).where('id', 'in', ids).execute()
}
