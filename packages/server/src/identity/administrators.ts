import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'

/**
 * Refuses a change after which nobody could administer accounts any more; to be called after the change, in its
 * transaction.
 * @throws ApiError `conflict`
 */
export const ensureAdministratorRemains = async (tx: Tx): Promise<void> => {
  // Writing the row lets such changes pass one after the other, so that two cannot each rely on what the other removes.
  await tx.updateTable('identity_roles').set({ name: 'admin' }).where('name', '=', 'admin').execute()
  const remaining = await tx
    .selectFrom('identity_grants as grant')
    .innerJoin('identity_roles as role', 'role.id', 'grant.role_id')
    .innerJoin('identity_users as user', 'user.id', 'grant.user_id')
    .leftJoin('identity_projects as project', (join) =>
      join.onRef('project.id', '=', 'grant.target_id').on('grant.scope_kind', '=', 'project'),
    )
    .select('user.id')
    .where('role.name', '=', 'admin')
    .where('user.enabled', '=', 1)
    .where((eb) => eb.or([eb('grant.scope_kind', '!=', 'project'), eb('project.enabled', '=', 1)]))
    .limit(1)
    .executeTakeFirst()
  if (remaining === undefined) {
    throw apiError('conflict', { why: 'This would leave nobody with the role admin' })
  }
}
