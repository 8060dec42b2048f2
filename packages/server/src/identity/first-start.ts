import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database, Tx } from '../database/database.ts'
import { newSecret } from '../http/secret.ts'
import { type CloudAccount, cloudsPath, ensurePasswords, readPasswords, writeClouds } from './clouds-file.ts'
import { newId } from './domain.ts'
import { ensureBuiltInRoles, grantRole } from './roles.ts'
import { createSecretFile, readIfThere } from './secret-file.ts'
import { createSecretHasher, type HashCost, type SecretHasher } from './secret-hash.ts'

const adminName = 'admin'
const demoNames = ['producer', 'consumer'] as const
/** Whose turn it is to hash; nobody else is there yet. */
const turn = 'first start'

export interface FirstStart {
  readonly database: Database
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Folder for `admin-password` and `clouds.yaml`. */
  readonly dataPath: string
  /** Of the user admin, at the first start; made and kept in `admin-password` if undefined. */
  readonly adminPassword: string | undefined
  /** Also make the accounts of the demonstration, and clouds.yaml. */
  readonly demo: boolean
  readonly hashCost?: HashCost
}

export interface Accounts {
  /** The file with the password that was made for admin, if this start made it. */
  readonly adminPasswordPath: string | null
  /**
   * Writes clouds.yaml with the place where the service is now; to be called once that is known.
   * @param publicUrl without a slash at the end
   * @returns path of the file; null when this is no demonstration
   */
  writeClouds(publicUrl: string): Promise<string | null>
}

const findUser = (reader: Pick<Tx, 'selectFrom'>, name: string) =>
  reader.selectFrom('identity_users').select(['id', 'password_hash']).where('name', '=', name).executeTakeFirst()

/** A project of this name, made if there is none. */
const ensureProject = async (tx: Tx, name: string, at: number): Promise<string> => {
  await tx
    .insertInto('identity_projects')
    .values({ id: newId(), name, description: '', enabled: 1, tags: '[]', created_at: at })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return (await tx.selectFrom('identity_projects').select('id').where('name', '=', name).executeTakeFirstOrThrow()).id
}

/**
 * A user with a project of the same name, and a role on it.
 * @returns false when there is a user of this name, who is left alone
 */
const createAccount = async (
  tx: Tx,
  name: string,
  role: string,
  passwordHash: string,
  at: number,
): Promise<boolean> => {
  const projectId = await ensureProject(tx, name, at)
  const userId = newId()
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('identity_users')
    .values({
      id: userId,
      name,
      description: null,
      email: null,
      enabled: 1,
      default_project_id: projectId,
      password_hash: passwordHash,
      session_version: 1,
      created_at: at,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n) return false
  await grantRole(tx, { user_id: userId, scope_kind: 'project', target_id: projectId }, role)
  if (role === 'admin') await grantRole(tx, { user_id: userId, scope_kind: 'system', target_id: 'all' }, role)
  return true
}

interface AdminPassword {
  readonly password: string
  /** The file made for it by this start. */
  readonly madePath: string | null
}

/** The password given, else the one of the file, else a new one that is in the file before anything depends on it. */
const adminPasswordFor = async ({ adminPassword, dataPath }: FirstStart): Promise<AdminPassword> => {
  if (adminPassword !== undefined) return { password: adminPassword, madePath: null }
  const path = join(dataPath, 'admin-password')
  const created = await createSecretFile(path, `${newSecret()}\n`)
  const password = (await readIfThere(path))?.trim() ?? ''
  if (password === '') throw new Error(`${path} is empty; remove it to have a new password made`)
  return { password, madePath: created ? path : null }
}

/** The first account, at the first start only: an administrator who was removed later does not come back. */
const prepareAdmin = async (start: FirstStart, hasher: SecretHasher): Promise<string | null> => {
  const { database, now } = start
  if ((await database.read.selectFrom('identity_users').select('id').limit(1).executeTakeFirst()) !== undefined) {
    return null
  }
  const { password, madePath } = await adminPasswordFor(start)
  const passwordHash = await hasher.hash(password, turn)
  const created = await database.write((tx) => createAccount(tx, adminName, 'admin', passwordHash, now()))
  if (created || madePath === null) return madePath

  // Another process was first. If it keeps its data elsewhere, the password of the file made here opens nothing.
  const admin = await findUser(database.read, adminName)
  if (await hasher.verify(password, admin?.password_hash ?? null, turn)) return madePath
  await rm(madePath)
  return null
}

const authUrlOf = (publicUrl: string): string => `${publicUrl}/identity/v3`

/** Accounts of the demonstration, each with the password that clouds.yaml has for it. */
const prepareDemo = async (start: FirstStart, hasher: SecretHasher): Promise<void> => {
  const { database, dataPath, now } = start
  const before = await readPasswords(dataPath, demoNames)
  const passwords = await ensurePasswords(dataPath, demoNames, authUrlOf('http://127.0.0.1:9292'))
  const prepared = demoNames.map(async (name) => {
    const user = await findUser(database.read, name)
    if (user !== undefined && before.has(name)) return
    const passwordHash = await hasher.hash(passwords.get(name) ?? newSecret(), turn)
    await database.write(async (tx) => {
      if (await createAccount(tx, name, 'member', passwordHash, now())) return
      if (before.has(name)) return
      // The file is gone that had the password; the account gets the one of the new file.
      await tx
        .updateTable('identity_users')
        .set((eb) => ({ password_hash: passwordHash, session_version: eb('session_version', '+', 1) }))
        .where('name', '=', name)
        .execute()
    })
  })
  await Promise.all(prepared)
}

/** The password of admin as far as this start can know it: one that still opens the account. */
const knownAdminPassword = async (start: FirstStart, hasher: SecretHasher): Promise<string | undefined> => {
  const { adminPassword, dataPath, database } = start
  const kept = (await readIfThere(join(dataPath, 'admin-password')))?.trim()
  const written = (await readPasswords(dataPath, [adminName])).get(adminName)
  const admin = await findUser(database.read, adminName)
  for (const password of new Set([written, adminPassword, kept])) {
    if (password === undefined || password === '') continue
    if (await hasher.verify(password, admin?.password_hash ?? null, turn)) return password
  }
  return undefined
}

const accountsForClouds = async (start: FirstStart, hasher: SecretHasher): Promise<CloudAccount[]> => {
  const passwords = new Map(await readPasswords(start.dataPath, demoNames))
  const adminPassword = await knownAdminPassword(start, hasher)
  if (adminPassword !== undefined) passwords.set(adminName, adminPassword)
  return [...passwords].map(([name, password]) => ({ name, password }))
}

/**
 * Makes the accounts that a start finds missing: at the first start the roles, the project and the user admin; for a
 * demonstration also producer and consumer. May be called by several processes on one database at once, and again at
 * every start. Passwords that are made here are on disk before the account exists, and are never in the database.
 */
export const prepareAccounts = async (start: FirstStart): Promise<Accounts> => {
  const hasher = createSecretHasher(start.hashCost)
  await start.database.write(ensureBuiltInRoles)
  const adminPasswordPath = await prepareAdmin(start, hasher)
  if (start.demo) await prepareDemo(start, hasher)

  return {
    adminPasswordPath,
    writeClouds: async (publicUrl) => {
      if (!start.demo) return null
      await writeClouds(start.dataPath, await accountsForClouds(start, hasher), authUrlOf(publicUrl))
      return cloudsPath(start.dataPath)
    },
  }
}
