import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import { parseMemberCreate } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { answered } from './answer.ts'
import { checkGrantable } from './clearance.ts'
import type { GrantView } from './document.ts'
import { grantByHand, keyOf, revokeGrant } from './grants.ts'
import { noKey, ownKey } from './key-rows.ts'
import type { KeyHolder } from './port.ts'
import { findGrant } from './queries.ts'
import { managerOf } from './use.ts'

/** Grants of one key that are given by hand: far more than people give. */
const grantsMax = 1000

/** Shares of images of the key's project that need it, by consumer. */
const countShares = async (db: Reader, { id, project_id }: KeysTable): Promise<Map<string, number>> => {
  const rows = await db
    .selectFrom('images')
    .innerJoin('members', 'members.image_id', 'images.id')
    .select(({ fn }) => ['members.member_id', fn.countAll<number>().as('count')])
    .where('images.key_id', '=', id)
    .where('images.owner', '=', project_id)
    .groupBy('members.member_id')
    .execute()
  return new Map(rows.map(({ member_id, count }) => [member_id, Number(count)]))
}

/** Projects that can use a key: those from whom it is being taken back still may. */
const grantsOf = (db: Reader, id: string) =>
  db.selectFrom('key_grants').selectAll().where('key_id', '=', id).where('state', 'in', ['granted', 'revoking'])

/** Who may use a key of the actor's project, oldest first. */
export const readGrants = async (service: Service, actor: Actor, id: string): Promise<GrantView[]> => {
  const projectId = projectOf(actor, 'reader')
  managerOf(service)
  const { read } = service.database
  const key = await ownKey(read, projectId, id)
  const rows = await grantsOf(read, id).orderBy('created_at').orderBy('project_id').execute()
  const shares = await countShares(read, key)
  return rows.map((row) => ({ row, shares: shares.get(row.project_id) ?? 0 }))
}

const checkRoom = async (db: Reader, id: string): Promise<void> => {
  const { count } = await db
    .selectFrom('key_grants')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('key_id', '=', id)
    .executeTakeFirstOrThrow()
  if (Number(count) >= grantsMax) throw apiError('resource_quota', { limit: grantsMax, kind: 'grants of a key' })
}

const findView = async ({ database }: Service, key: KeysTable, grantee: string): Promise<GrantView | undefined> => {
  const row: KeyGrantsTable | undefined = await findGrant(database.read, { key_id: key.id, project_id: grantee })
  return row && { row, shares: (await countShares(database.read, key)).get(grantee) ?? 0 }
}

/**
 * Lets another project use a key of the actor's project, whether or not anything is shared with it yet. Again,
 * it is only brought up to date at the key manager.
 * @param given the id of the project, as it stands in the address
 * @throws ApiError `invalid_attribute`, `resource_not_found`, `key_never_granted`, `conflict`, `key_manager_unavailable`
 */
export const grantKey = async (
  service: Service,
  actor: Actor,
  holder: KeyHolder,
  cause: Cause,
  id: string,
  given: string,
): Promise<GrantView> => {
  const projectId = projectOf(actor, 'member')
  const manager = managerOf(service)
  const { database } = service
  const grantee = parseMemberCreate({ member: given })
  const key = await ownKey(database.read, projectId, id)
  if (grantee === projectId)
    throw apiError('conflict', { why: 'The key belongs to that project, which can use it anyway' })
  await answered(service, cause.requestId, id, () => checkGrantable(service, manager, key, holder))
  const before = await findView(service, key, grantee)
  if (before === undefined) await checkRoom(database.read, id)
  await answered(service, cause.requestId, id, async () => {
    try {
      await grantByHand(service, manager, cause, keyOf(key), grantee)
    } catch (error) {
      // Unless the key was deleted in this moment.
      await ownKey(database.read, projectId, id)
      throw error
    }
  })
  const view = await findView(service, key, grantee)
  if (view === undefined) throw noKey(id)
  return view
}

/**
 * Takes that back, also from shares that need it: they stand, and their consumers cannot read the images any more.
 * @throws ApiError `resource_not_found`, `key_manager_unavailable`; it is tried again then
 */
export const ungrantKey = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  grantee: string,
): Promise<void> => {
  const projectId = projectOf(actor, 'member')
  const manager = managerOf(service)
  const key = keyOf(await ownKey(service.database.read, projectId, id))
  const wasThere = await answered(service, cause.requestId, id, () =>
    revokeGrant(service, manager, cause, key, grantee),
  )
  if (!wasThere) throw apiError('resource_not_found', { kind: 'grant of the key to project', id: grantee })
}
