import { randomUUID } from 'node:crypto'
import type { KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { keyOf } from './grants.ts'
import { findKey } from './queries.ts'
import { managerOf } from './use.ts'

/** The default key of a project, which is made if there is none. */
export const defaultKeyOf = async (service: Service, cause: Cause, projectId: string): Promise<KeysTable> => {
  const manager = managerOf(service)
  const { database } = service
  const find = () =>
    database.read
      .selectFrom('keys')
      .selectAll()
      .where('project_id', '=', projectId)
      .where('is_default', '=', 1)
      .executeTakeFirst()
  const present = await find()
  if (present !== undefined) return present
  const row: KeysTable = {
    id: randomUUID(),
    project_id: projectId,
    name: 'default',
    status: 'enabled',
    is_default: 1,
    grantable: 1,
    adopted: 0,
    version: 1,
    created_at: cause.at,
    updated_at: cause.at,
  }
  await manager.make({ ...keyOf(row), version: 1 })
  await database.write(async (tx) => {
    await tx.insertInto('keys').values(row).execute()
    await tx
      .insertInto('key_versions')
      .values({ key_id: row.id, version: 1, data_keys: 0, created_at: cause.at })
      .execute()
  })
  return (await findKey(database.read, row.id)) ?? row
}
