import type { Actor } from '../access/actor.ts'
import type { Tx } from '../database/database.ts'

/** Keeps what a project is called, as its own token says, so that an invitation by name can be told to it. */
export const rememberNames = async (tx: Tx, { projectNames }: Actor, projectId: string): Promise<void> => {
  await tx.deleteFrom('project_names').where('project_id', '=', projectId).execute()
  if (projectNames.length === 0) return
  await tx
    .insertInto('project_names')
    .values(projectNames.map((name) => ({ name, project_id: projectId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
