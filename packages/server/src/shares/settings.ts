import type { ProjectSettingsDocument } from '@vitrine/contract'
import type { Database } from '../database/database.ts'

/** What a project has set for itself, or the default. */
export const readSettings = async ({ read }: Database, projectId: string): Promise<ProjectSettingsDocument> => {
  const row = await read
    .selectFrom('project_settings')
    .select('usage')
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return { usage: row?.usage ?? 'counted' }
}

export const storeSettings = (database: Database, projectId: string, settings: ProjectSettingsDocument) =>
  database.write(async (tx) => {
    const { usage } = settings
    await tx
      .insertInto('project_settings')
      .values({ project_id: projectId, usage, feed_digest: null })
      .onConflict((conflict) => conflict.column('project_id').doUpdateSet({ usage }))
      .execute()
    return settings
  })
