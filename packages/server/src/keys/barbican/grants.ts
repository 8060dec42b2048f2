import { type Key, KeyError } from '../port.ts'
import type { ServiceAccess } from './keystone.ts'
import type { BarbicanRows, GrantRecord, GrantRecords } from './rows.ts'
import type { AccessList, Secrets } from './secrets.ts'

/**
 * Grants in a Barbican. Its access lists name users, not projects: granting a key to a project puts the users who have a role
 * there on the list of each version's secret. Others put users on these lists too; so what a grant adds is written down
 * before it is added, and only that is taken off again. None of these may run twice at once for one key.
 */
export interface BarbicanGrants {
  /**
   * Brings the access lists in line with the users of a project.
   * @param secretIds secrets of all versions of the key
   * @param alsoUserId a user who is known to act for the project, though Keystone may not list them (federated ones)
   */
  sync(key: Key, projectId: string, secretIds: readonly string[], alsoUserId?: string): Promise<void>
  revoke(key: Key, projectId: string, secretIds: readonly string[]): Promise<void>
  /** Lets whoever may read one secret read another, which is a later version of it. */
  inherit(key: Key, fromSecretId: string, toSecretId: string): Promise<void>
  /** Takes off the list of one secret whatever grants added. */
  clear(key: Key, secretId: string): Promise<void>
  /** Whether all users of a project may read a secret; not so when it has none. */
  covers(key: Key, projectId: string, secretId: string): Promise<boolean>
}

const isSame = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.symmetricDifference(other).size === 0

/** Users whom grants brought onto the list of a secret, without those of one project. */
const addedByOthers = (grants: GrantRecords, projectId: string | null, secretId: string): Set<string> =>
  new Set([...grants].flatMap(([id, { added }]) => (id === projectId ? [] : (added[secretId] ?? []))))

const gone = () => new KeyError('missing', 'A secret of a key is not in Barbican any more.')

export const createBarbicanGrants = (parts: {
  readonly secrets: Secrets
  readonly access: ServiceAccess
  readonly rows: BarbicanRows
}): BarbicanGrants => {
  const { secrets, access, rows } = parts

  const listOf = async (key: Key, secretId: string): Promise<AccessList> => {
    const list = await secrets.accessList(key.projectId, secretId)
    if (list === undefined) throw gone()
    return list
  }
  const setUsers = async (key: Key, secretId: string, list: AccessList, users: ReadonlySet<string>): Promise<boolean> =>
    isSame(list.users, users) || (await secrets.changeAccessList(key.projectId, secretId, { ...list, users }))

  /** What is to become of one access list, if these users have a role in the project. */
  const planFor = async (
    key: Key,
    projectId: string,
    secretId: string,
    grants: GrantRecords,
    users: ReadonlySet<string>,
  ) => {
    const list = await listOf(key, secretId)
    const before = new Set(grants.get(projectId)?.added[secretId])
    const byOthers = addedByOthers(grants, projectId, secretId)
    const foreign = list.users.difference(before).difference(byOthers)
    const ours = users.difference(foreign)
    return { secretId, list, before, ours, target: foreign.union(byOthers).union(ours) }
  }

  const recordOf = (plans: readonly { secretId: string; users: ReadonlySet<string> }[]): GrantRecord => ({
    active: true,
    added: Object.fromEntries(plans.map(({ secretId, users }) => [secretId, [...users]])),
  })

  const takeOff = async (key: Key, secretId: string, added: ReadonlySet<string>): Promise<void> => {
    const list = await secrets.accessList(key.projectId, secretId)
    // What is gone is read by nobody.
    if (list !== undefined) await setUsers(key, secretId, list, list.users.difference(added))
  }

  return {
    sync: async (key, projectId, secretIds, alsoUserId) => {
      const users = new Set(await access.usersOf(projectId, key.projectId))
      if (alsoUserId !== undefined) users.add(alsoUserId)
      const grants = await rows.grants(key.id)
      const plans: Awaited<ReturnType<typeof planFor>>[] = []
      for (const secretId of secretIds) plans.push(await planFor(key, projectId, secretId, grants, users))
      const whileChanging = plans.map(({ secretId, before, ours }) => ({ secretId, users: before.union(ours) }))
      await rows.storeGrant(key.id, projectId, recordOf(whileChanging))
      for (const { secretId, list, target } of plans) {
        if (!(await setUsers(key, secretId, list, target))) throw gone()
      }
      if (plans.every(({ before, ours }) => before.isSubsetOf(ours))) return
      const afterwards = plans.map(({ secretId, ours }) => ({ secretId, users: ours }))
      await rows.storeGrant(key.id, projectId, recordOf(afterwards))
    },

    revoke: async (key, projectId, secretIds) => {
      const grants = await rows.grants(key.id)
      const grant = grants.get(projectId)
      if (grant === undefined) return
      await rows.storeGrant(key.id, projectId, { ...grant, active: false })
      for (const secretId of secretIds) {
        const byOthers = addedByOthers(grants, projectId, secretId)
        await takeOff(key, secretId, new Set(grant.added[secretId]).difference(byOthers))
      }
      await rows.forgetGrant(key.id, projectId)
    },

    inherit: async (key, fromSecretId, toSecretId) => {
      const list = await listOf(key, fromSecretId)
      const users = new Set(list.users)
      const creatorId = (await secrets.describe(key.projectId, fromSecretId))?.creatorId ?? null
      // By Barbican's rules a creator reads what they made, but the service made the new one.
      if (creatorId !== null && (await access.usersOf(key.projectId, key.projectId)).has(creatorId))
        users.add(creatorId)
      for (const [projectId, grant] of await rows.grants(key.id)) {
        const { [fromSecretId]: inherited = [] } = grant.added
        await rows.storeGrant(key.id, projectId, { ...grant, added: { ...grant.added, [toSecretId]: inherited } })
      }
      const now = await listOf(key, toSecretId)
      if (isSame(now.users, users) && now.projectAccess === list.projectAccess) return
      if (!(await secrets.changeAccessList(key.projectId, toSecretId, { ...list, users }))) throw gone()
    },

    clear: async (key, secretId) => {
      const added = addedByOthers(await rows.grants(key.id), null, secretId)
      if (added.size > 0) await takeOff(key, secretId, added)
    },

    covers: async (key, projectId, secretId) => {
      const users = await access.usersOf(projectId, key.projectId)
      return users.size > 0 && users.isSubsetOf((await listOf(key, secretId)).users)
    },
  }
}
