import type { FastifyInstance } from 'fastify'
import type { Reader } from '../database/database.ts'
import { sendJson } from '../http/json.ts'
import { adminOf } from './caller.ts'
import { filtersOf, flagFilter } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain } from './domain.ts'
import { withImplied } from './roles.ts'
import { told } from './told.ts'

const filterColumns = [
  ['user.id', 'user.id'],
  ['role.id', 'role.id'],
] as const

/** Every role that somebody holds, with the names of all parts. */
const grants = (reader: Reader, filters: ReadonlyMap<string, string>) => {
  let query = reader
    .selectFrom('identity_grants as grant')
    .innerJoin('identity_users as user', 'user.id', 'grant.user_id')
    .innerJoin('identity_roles as role', 'role.id', 'grant.role_id')
    .leftJoin('identity_projects as project', (join) =>
      join.onRef('project.id', '=', 'grant.target_id').on('grant.scope_kind', '=', 'project'),
    )
    .select([
      'grant.scope_kind',
      'grant.target_id',
      'user.id as user_id',
      'user.name as user_name',
      'role.id as role_id',
      'role.name as role_name',
      'project.name as project_name',
    ])
    .where((eb) => eb.or([eb('grant.scope_kind', '!=', 'project'), eb('project.id', 'is not', null)]))
    .orderBy('user.name')
    .orderBy('grant.target_id')
    .orderBy('role.name')
  for (const [parameter, column] of filterColumns) {
    const value = filters.get(parameter)
    if (value !== undefined) query = query.where(column, '=', value)
  }
  for (const kind of ['project', 'domain', 'system'] as const) {
    const value = filters.get(kind === 'system' ? 'scope.system' : `scope.${kind}.id`)
    if (value === undefined) continue
    query = query.where('grant.scope_kind', '=', kind)
    if (kind !== 'system') query = query.where('grant.target_id', '=', value)
  }
  return query.execute()
}

type Row = Awaited<ReturnType<typeof grants>>[number]

/** A grant and those that it implies. */
const withImpliedRows = (rows: readonly Row[], roleIds: ReadonlyMap<string, string>): Row[] => {
  const seen = new Map<string, Row>()
  for (const row of rows) {
    for (const name of withImplied([row.role_name])) {
      const id = roleIds.get(name)
      if (id === undefined) continue
      seen.set(JSON.stringify([row.user_id, row.scope_kind, row.target_id, id]), {
        ...row,
        role_id: id,
        role_name: name,
      })
    }
  }
  return [...seen.values()]
}

const scopeOf = (row: Row, names: boolean) => {
  const named = (name: string) => (names ? { name } : {})
  switch (row.scope_kind) {
    case 'project':
      return {
        project: {
          id: row.target_id,
          ...named(row.project_name ?? ''),
          ...(names ? { domain: defaultDomain } : {}),
        },
      }
    case 'domain':
      return { domain: { id: defaultDomain.id, ...named(defaultDomain.name) } }
    case 'system':
      return { system: { all: true } }
  }
}

const pathOf = (row: Row): string => {
  const target = row.scope_kind === 'system' ? 'system' : `${row.scope_kind}s/${row.target_id}`
  return `/v3/${target}/users/${row.user_id}/roles/${row.role_id}`
}

/** `GET /role_assignments` of Identity v3. */
export const roleAssignmentRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { read } = context.database
  app.get('/v3/role_assignments', told('Who has which role where'), async (request, reply) => {
    await adminOf(context, request)
    const filters = filtersOf(request)
    const names = flagFilter(filters, 'include_names') ?? false
    const base = context.identityUrl(request)
    let rows = await grants(read, filters)
    if (flagFilter(filters, 'effective')) {
      const roles = await read.selectFrom('identity_roles').select(['id', 'name']).execute()
      rows = withImpliedRows(rows, new Map(roles.map(({ id, name }) => [name, id])))
    }
    // There are no groups, and nothing is inherited, so that nothing matches either filter.
    if (filters.has('group.id') || filters.has('scope.OS-INHERIT:inherited_to')) rows = []
    return sendJson(reply, 200, {
      role_assignments: rows.map((row) => ({
        role: { id: row.role_id, ...(names ? { name: row.role_name } : {}) },
        user: { id: row.user_id, ...(names ? { name: row.user_name, domain: defaultDomain } : {}) },
        scope: scopeOf(row, names),
        links: { assignment: `${base}${pathOf(row)}` },
      })),
      links: { next: null, previous: null, self: `${base}/v3/role_assignments` },
    })
  })
}
