import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Database } from '../../database/database.ts'

/** Which secret is a version of a key. */
export interface VersionSecret {
  readonly version: number
  readonly secretId: string
  /** Whether the service made it, and may remove it. */
  readonly made: boolean
}

const GrantSchema = Type.Object({
  /** False while it is taken back. */
  active: Type.Boolean(),
  /** Users that the grant brought onto the access list, by secret. */
  added: Type.Record(Type.String(), Type.Array(Type.String())),
})
const checkGrant = Compile(GrantSchema)

/** What a grant did in Barbican, written down before it is done. */
export type GrantRecord = Static<typeof GrantSchema>

/** By project. */
export type GrantRecords = ReadonlyMap<string, GrantRecord>

export interface BarbicanRows {
  versions(keyId: string): Promise<VersionSecret[]>
  addVersion(keyId: string, version: VersionSecret): Promise<void>
  /** Forgets a version, and what grants did to its secret; with the last one, all grants of the key. */
  forgetVersion(keyId: string, version: number): Promise<void>
  forgetKey(keyId: string): Promise<void>
  grants(keyId: string): Promise<GrantRecords>
  storeGrant(keyId: string, projectId: string, grant: GrantRecord): Promise<void>
  forgetGrant(keyId: string, projectId: string): Promise<void>
}

const grantOf = (text: string): GrantRecord => {
  const grant: unknown = JSON.parse(text)
  if (!checkGrant.Check(grant)) throw new Error('a grant in Barbican was written down in another form')
  return grant
}

/** What the service remembers of its secrets. */
export const createBarbicanRows = ({ read, write }: Pick<Database, 'read' | 'write'>): BarbicanRows => {
  const grants: BarbicanRows['grants'] = async (keyId) => {
    const rows = await read.selectFrom('barbican_grants').selectAll().where('key_id', '=', keyId).execute()
    return new Map(rows.map(({ project_id, users }) => [project_id, grantOf(users)]))
  }
  const versions: BarbicanRows['versions'] = async (keyId) => {
    const rows = await read
      .selectFrom('barbican_secrets')
      .selectAll()
      .where('key_id', '=', keyId)
      .orderBy('version')
      .execute()
    return rows.map(({ version, secret_id, made }) => ({ version, secretId: secret_id, made: made === 1 }))
  }
  const forgetKey: BarbicanRows['forgetKey'] = (keyId) =>
    write(async (tx) => {
      await tx.deleteFrom('barbican_grants').where('key_id', '=', keyId).execute()
      await tx.deleteFrom('barbican_secrets').where('key_id', '=', keyId).execute()
    })

  return {
    versions,
    addVersion: (keyId, { version, secretId, made }) =>
      write(async (tx) => {
        await tx
          .insertInto('barbican_secrets')
          .values({ key_id: keyId, version, secret_id: secretId, made: made ? 1 : 0 })
          .onConflict((conflict) => conflict.columns(['key_id', 'version']).doNothing())
          .execute()
      }),
    forgetVersion: async (keyId, version) => {
      const known = await versions(keyId)
      if (known.every((one) => one.version === version)) return forgetKey(keyId)
      const gone = known.find((one) => one.version === version)
      if (gone === undefined) return
      const kept = [...(await grants(keyId))].map(
        ([
          projectId,
          {
            active,
            added: { [gone.secretId]: _, ...added },
          },
        ]) => ({
          projectId,
          users: JSON.stringify({ active, added }),
        }),
      )
      await write(async (tx) => {
        for (const { projectId, users } of kept) {
          await tx
            .updateTable('barbican_grants')
            .set({ users })
            .where('key_id', '=', keyId)
            .where('project_id', '=', projectId)
            .execute()
        }
        await tx.deleteFrom('barbican_secrets').where('key_id', '=', keyId).where('version', '=', version).execute()
      })
    },
    forgetKey,
    grants,
    storeGrant: (keyId, projectId, grant) =>
      write(async (tx) => {
        const users = JSON.stringify(grant)
        await tx
          .insertInto('barbican_grants')
          .values({ key_id: keyId, project_id: projectId, users })
          .onConflict((conflict) => conflict.columns(['key_id', 'project_id']).doUpdateSet({ users }))
          .execute()
      }),
    forgetGrant: (keyId, projectId) =>
      write(async (tx) => {
        await tx.deleteFrom('barbican_grants').where('key_id', '=', keyId).where('project_id', '=', projectId).execute()
      }),
  }
}
