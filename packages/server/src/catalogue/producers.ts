import type { ProducerChange } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import { countUp, tooMany } from '../notices/counts.ts'
import type { Service } from '../service.ts'
import { isReserved, skeletonOf } from './look-alikes.ts'
import { checkMarkdown } from './markdown.ts'
import { findProducer, lookAlikeProducers, type ProducerRow, reindexProducer } from './queries.ts'

/** A producer, and what it should know of others. */
export interface ProducerAndWarnings {
  readonly row: ProducerRow
  readonly warnings: readonly string[]
}

/**
 * The project of a caller who only has one to speak for.
 * @throws ApiError `scope_required`, `role_required`
 */
export const projectOf = ({ projectId, roles }: Actor, role: 'reader' | 'member'): string => {
  if (projectId === null) throw apiError('scope_required', {})
  if (!roles.has(role)) throw apiError('role_required', { role })
  return projectId
}

/** Names and titles of nothing but spaces and signs would be links that nobody sees. */
export const checkReadable = (name: string, text: string): void => {
  if (!/[\p{L}\p{N}]/u.test(text)) throw apiError('invalid_body', { why: `${name} must hold a letter or a digit` })
}

const warned = async (db: Reader, row: ProducerRow): Promise<ProducerAndWarnings> => {
  const others = await lookAlikeProducers(db, row)
  return { row, warnings: others.map(({ handle, name }) => `The name looks like that of ${handle}: ${name}`) }
}

/** The profile of the caller's project. */
export const readProducer = async ({ database }: Service, actor: Actor): Promise<ProducerAndWarnings> => {
  const row = await findProducer(database.read, projectOf(actor, 'reader'))
  if (row === undefined) throw apiError('resource_not_found', { kind: 'producer', id: 'of your project' })
  return warned(database.read, row)
}

/**
 * A handle is part of addresses that others keep: once it changed, somebody else could take it and speak under it. So it
 * stays as long as anything is listed under it.
 */
const checkHandle = async (tx: Tx, before: ProducerRow | undefined, wanted: ProducerRow): Promise<void> => {
  if (before?.handle === wanted.handle) return
  if (isReserved(wanted.handle_skeleton)) throw apiError('handle_taken', { handle: wanted.handle })
  const taken = await tx
    .selectFrom('producers')
    .select('project_id')
    .where('handle_skeleton', '=', wanted.handle_skeleton)
    .where('project_id', '<>', wanted.project_id)
    .executeTakeFirst()
  if (taken !== undefined) throw apiError('handle_taken', { handle: wanted.handle })
  if (before === undefined) return
  const listed = await tx
    .selectFrom('listings')
    .select('id')
    .where('project_id', '=', wanted.project_id)
    .limit(1)
    .executeTakeFirst()
  if (listed !== undefined) {
    throw apiError('conflict', {
      why: 'The handle is part of the addresses of your listings and stays while there are any',
    })
  }
}

/** A name is written into the index of every listing: that is work for all who share the database. */
const renamesPerHour = 10

const limitRenames = async (tx: Tx, projectId: string, at: number): Promise<void> => {
  if ((await countUp(tx, `renames ${projectId}`, 'hour', at)) > renamesPerHour) {
    throw tooMany('changes of the name of your profile', 60 * 60)
  }
}

/** Makes the profile of the caller's project, or replaces it. */
export const putProducer = async (
  { database, now }: Service,
  actor: Actor,
  change: ProducerChange,
): Promise<{ made: boolean } & ProducerAndWarnings> => {
  const projectId = projectOf(actor, 'member')
  checkReadable('name', change.name)
  checkMarkdown('description', change.description)
  const at = now()
  try {
    return await database.write(async (tx) => {
      await lockName(tx, `producer ${projectId}`)
      const before = await findProducer(tx, projectId)
      const row: ProducerRow = {
        project_id: projectId,
        handle: change.handle,
        handle_skeleton: skeletonOf(change.handle),
        name: change.name,
        name_skeleton: skeletonOf(change.name),
        description: change.description ?? null,
        website: change.website ?? null,
        contact: change.contact ?? null,
        created_at: before?.created_at ?? at,
        updated_at: at,
      }
      await checkHandle(tx, before, row)
      if (before === undefined) await tx.insertInto('producers').values(row).execute()
      else {
        await tx.updateTable('producers').set(row).where('project_id', '=', projectId).execute()
        if (before.name !== row.name) {
          await limitRenames(tx, projectId, at)
          await reindexProducer(tx, row)
        }
      }
      return { made: before === undefined, ...(await warned(tx, row)) }
    })
  } catch (error) {
    // Two projects asked for look-alike handles at once.
    if (database.isDuplicate(error)) throw apiError('handle_taken', { handle: change.handle })
    throw error
  }
}
