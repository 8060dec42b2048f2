import { apiError } from '../api-error.ts'
import type { Database, Reader, Tx } from '../database/database.ts'
import { ensureAdministratorRemains } from './administrators.ts'
import { defaultDomain, isStorable, newId } from './domain.ts'
import type { IdentityProjectsTable } from './tables.ts'

export interface Project {
  readonly id: string
  readonly name: string
  readonly domain_id: string
  readonly description: string
  readonly enabled: boolean
  readonly parent_id: string
  readonly is_domain: false
  readonly tags: readonly string[]
  readonly options: Readonly<Record<string, never>>
}

export interface ProjectValues {
  readonly name: string
  readonly description: string
  readonly enabled: boolean
  readonly tags: readonly string[]
}

const projectOf = ({ id, name, description, enabled, tags }: IdentityProjectsTable): Project => ({
  id,
  name,
  domain_id: defaultDomain.id,
  description,
  enabled: enabled === 1,
  parent_id: defaultDomain.id,
  is_domain: false,
  tags: JSON.parse(tags),
  options: {},
})

export const findProject = async (reader: Reader, id: string): Promise<Project | undefined> => {
  if (!isStorable(id)) return undefined
  const row = await reader.selectFrom('identity_projects').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : projectOf(row)
}

export interface ProjectFilters {
  readonly name?: string | undefined
  readonly enabled?: boolean | undefined
  /** Only those that this user has a role on. */
  readonly userId?: string | undefined
}

export const listProjects = async (reader: Reader, { name, enabled, userId }: ProjectFilters): Promise<Project[]> => {
  let query = reader.selectFrom('identity_projects').selectAll().orderBy('name')
  if (name !== undefined) query = query.where('name', '=', name)
  if (enabled !== undefined) query = query.where('enabled', '=', enabled ? 1 : 0)
  if (userId !== undefined) {
    query = query.where('id', 'in', (eb) =>
      eb
        .selectFrom('identity_grants')
        .select('target_id')
        .where('user_id', '=', userId)
        .where('scope_kind', '=', 'project'),
    )
  }
  return (await query.execute()).map(projectOf)
}

const taken = (name: string) => apiError('conflict', { why: `There is a project named ${name} already` })

/** Only the columns that change: another change at the same time must not be undone. */
const columnsOf = ({ name, description, enabled, tags }: Partial<ProjectValues>) => ({
  ...(name === undefined ? {} : { name }),
  ...(description === undefined ? {} : { description }),
  ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
  ...(tags === undefined ? {} : { tags: JSON.stringify(tags) }),
})

/** @throws ApiError `conflict` when the name is taken */
export const createProject = async (database: Database, values: ProjectValues, at: number): Promise<Project> => {
  const { name, description, enabled, tags } = values
  const row: IdentityProjectsTable = {
    id: newId(),
    name,
    description,
    enabled: enabled ? 1 : 0,
    tags: JSON.stringify(tags),
    created_at: at,
  }
  try {
    await database.write((tx) => tx.insertInto('identity_projects').values(row).execute())
  } catch (error) {
    throw database.isDuplicate(error) ? taken(name) : error
  }
  return projectOf(row)
}

const endTokens = (tx: Tx, projectId: string) =>
  tx.deleteFrom('identity_tokens').where('scope_kind', '=', 'project').where('target_id', '=', projectId).execute()

/**
 * Changes a project. Tokens for one that is disabled end for good, also if it is enabled again.
 * @returns undefined when there is no such project
 * @throws ApiError `conflict`
 */
export const updateProject = async (
  tx: Tx,
  isDuplicate: Database['isDuplicate'],
  id: string,
  changes: Partial<ProjectValues>,
): Promise<Project | undefined> => {
  const columns = columnsOf(changes)
  if (Object.keys(columns).length === 0 || !isStorable(id)) return findProject(tx, id)
  try {
    const row = await tx
      .updateTable('identity_projects')
      .set(columns)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    if (changes.enabled === false) {
      await endTokens(tx, id)
      await ensureAdministratorRemains(tx)
    }
    return row === undefined ? undefined : projectOf(row)
  } catch (error) {
    throw isDuplicate(error) ? taken(changes.name ?? '') : error
  }
}

/**
 * Deletes a project with the roles on it. Its images stay, owned by an id that nobody can have again.
 * @returns false when there is no such project
 * @throws ApiError `conflict`
 */
export const deleteProject = async (tx: Tx, id: string): Promise<boolean> => {
  if ((await findProject(tx, id)) === undefined) return false
  await endTokens(tx, id)
  await tx.deleteFrom('identity_grants').where('scope_kind', '=', 'project').where('target_id', '=', id).execute()
  await tx
    .updateTable('identity_users')
    .set({ default_project_id: null })
    .where('default_project_id', '=', id)
    .execute()
  await tx.deleteFrom('identity_projects').where('id', '=', id).execute()
  await ensureAdministratorRemains(tx)
  return true
}
