import { randomBytes } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import type { PasswordCredentials } from '../../identity/keystone-client.ts'
import type { KeyLocks } from '../lock.ts'
import { type Key, KeyError, type KeyHolder, type KeyManager, type KeyVersion } from '../port.ts'
import { keyBytes, unwrapWith, wrapWith } from '../wrapping.ts'
import { createBarbicanGrants } from './grants.ts'
import { createAsk } from './http.ts'
import { createServiceAccess } from './keystone.ts'
import { createBarbicanRows } from './rows.ts'
import { createSecrets, isSecretId } from './secrets.ts'

export interface BarbicanOptions {
  /** Of the Barbican, with or without `/v1` at its end. */
  readonly url: string
  readonly keystone: {
    /** With or without `/v3` at its end. */
    readonly url: string
    /** A user with the role admin in every project that has keys. */
    readonly credentials: PasswordCredentials
  }
  readonly database: Pick<Database, 'read' | 'write'>
  /**
   * Under which the service changes a key, and this brings a grant up to date. So the service does not use a key while it holds
   * its lock, unless as the owner and without a token.
   */
  readonly locks: Pick<KeyLocks, 'hold'>
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Longest time for one answer. */
  readonly timeoutMs?: number
}

const defaultTimeoutMs = 5000

/** Secrets that the service made are found again by name, whatever stopped it after it made one. */
const namePrefix = (keyId: string): string => `vitrine ${keyId} v`
const nameOf = ({ id, version }: KeyVersion): string => `${namePrefix(id)}${version}`

const isRefusal = (error: unknown): boolean => error instanceof KeyError && error.reason === 'refused'

/**
 * Keys that a Barbican keeps. A version of a key is a secret in the project of its owner. Whoever wants to use it reads it from
 * Barbican with a token of their own, so that Barbican decides and not the service; it is forgotten after that one use.
 */
export const createBarbican = (options: BarbicanOptions): KeyManager => {
  const { locks, now } = options
  const ask = createAsk({ fetch: options.fetch, timeoutMs: options.timeoutMs ?? defaultTimeoutMs })
  const access = createServiceAccess({ ...options.keystone, ask, now })
  const secrets = createSecrets({ url: options.url, ask, access })
  const rows = createBarbicanRows(options.database)
  const grants = createBarbicanGrants({ secrets, access, rows })

  /** The secrets of all versions; a key that was not made here has one, which is remembered from now on. */
  const versionsOf = async (key: Key) => {
    const known = await rows.versions(key.id)
    if (known.length > 0 || !isSecretId(key.id)) return known
    if ((await secrets.accessList(key.projectId, key.id)) === undefined) return []
    await rows.addVersion(key.id, { version: 1, secretId: key.id, made: false })
    return rows.versions(key.id)
  }
  const secretIdsOf = async (key: Key): Promise<string[]> => (await versionsOf(key)).map(({ secretId }) => secretId)
  const secretOf = async (key: KeyVersion): Promise<string> => {
    const found = (await versionsOf(key)).find(({ version }) => version === key.version)
    if (found === undefined) throw new KeyError('missing', `Barbican has no version ${key.version} of the key.`)
    return found.secretId
  }
  /** Made by the service, also if it was stopped before it could remember. */
  const madeSecrets = async (key: Key) => {
    const userId = await access.userId(key.projectId)
    return (await secrets.named(key.projectId, namePrefix(key.id))).filter(({ creatorId }) => creatorId === userId)
  }

  const isGranted = async (key: Key, projectId: string): Promise<boolean> =>
    (await rows.grants(key.id)).get(projectId)?.active === true

  /** Users may have joined a project since it was granted the key. */
  const syncAgain = async (key: Key, projectId: string, userId?: string): Promise<boolean> => {
    if (!(await isGranted(key, projectId))) return false
    return locks.hold(key.id, async () => {
      if (!(await isGranted(key, projectId))) return false
      await grants.sync(key, projectId, await secretIdsOf(key), userId)
      return true
    })
  }

  const readFor = async (key: Key, secretId: string, token: string, projectId: string): Promise<Uint8Array> => {
    try {
      return await secrets.read(key.projectId, secretId, token)
    } catch (error) {
      if (!isRefusal(error) || !(await isGranted(key, projectId))) throw error
      const userId = await access.userWith(token, projectId)
      if (userId === undefined || !(await syncAgain(key, projectId, userId))) throw error
      return secrets.read(key.projectId, secretId, token)
    }
  }

  const readForProject = async (key: Key, secretId: string, projectId: string): Promise<Uint8Array> => {
    const mayRead = async (): Promise<boolean> =>
      projectId === key.projectId || (await grants.covers(key, projectId, secretId))
    if (!(await mayRead()) && !((await syncAgain(key, projectId)) && (await mayRead()))) {
      throw new KeyError('refused', 'Not every user of the project may read the key in Barbican, or it has no users.')
    }
    return secrets.read(key.projectId, secretId, null)
  }

  /** Reads the material for a holder, uses it once and wipes it. */
  const withMaterial = async <Result>(
    key: KeyVersion,
    { projectId, token }: KeyHolder,
    use: (material: Uint8Array) => Result,
  ): Promise<Result> => {
    const secretId = await secretOf(key)
    const material =
      token === null ? await readForProject(key, secretId, projectId) : await readFor(key, secretId, token, projectId)
    try {
      return use(material)
    } finally {
      material.fill(0)
    }
  }

  const storeNew = async (key: KeyVersion): Promise<string> => {
    const material = randomBytes(keyBytes)
    try {
      return await secrets.store(key.projectId, nameOf(key), material)
    } finally {
      material.fill(0)
    }
  }

  return {
    kind: 'barbican',

    certificate: async (id, token) => (token === null ? undefined : secrets.certificate(id, token)),

    find: async (key) => {
      if (!isSecretId(key.id) || (await secrets.accessList(key.projectId, key.id)) === undefined) return false
      const secret = await secrets.describe(key.projectId, key.id)
      // One of the service's own is a version of another key.
      if (secret?.isBinary !== true || secret.creatorId === (await access.userId(key.projectId))) return false
      try {
        const material = await secrets.read(key.projectId, key.id, null)
        material.fill(0)
        return true
      } catch (error) {
        if (error instanceof KeyError && (error.reason === 'missing' || error.reason === 'damaged')) return false
        throw error
      }
    },

    make: async (key) => {
      const known = key.version === 1 ? await rows.versions(key.id) : await versionsOf(key)
      if (known.some(({ version }) => version === key.version)) return
      const begun = (await madeSecrets(key)).find(({ name }) => name === nameOf(key))
      const secretId = begun?.id ?? (await storeNew(key))
      const before = known.findLast(({ version }) => version < key.version)
      // Barbican's rules need not let all of the owner's users read, but whoever acts for the owner holds the key.
      if (before === undefined) await grants.sync(key, key.projectId, [secretId])
      else await grants.inherit(key, before.secretId, secretId)
      await rows.addVersion(key.id, { version: key.version, secretId, made: true })
    },

    remove: async (key) => {
      const known = (await rows.versions(key.id)).find(({ version }) => version === key.version)
      if (known?.made === false) await grants.clear(key, known.secretId)
      if (known?.made === true) await secrets.remove(key.projectId, known.secretId)
      for (const { id, name } of await madeSecrets(key)) {
        if (name === nameOf(key)) await secrets.remove(key.projectId, id)
      }
      await rows.forgetVersion(key.id, key.version)
    },

    destroy: async (key) => {
      for (const secretId of await secretIdsOf(key)) await secrets.remove(key.projectId, secretId)
      for (const { id } of await madeSecrets(key)) await secrets.remove(key.projectId, id)
      await rows.forgetKey(key.id)
    },

    wrap: (key, holder, dataKey, context) =>
      withMaterial(key, holder, (material) => wrapWith(material, dataKey, context)),
    unwrap: (key, holder, wrapped, context) =>
      withMaterial(key, holder, (material) => unwrapWith(material, wrapped, context)),
    prove: (key, holder) => withMaterial(key, holder, () => undefined),

    grant: async (key, projectId) => {
      // The owner of a key that was not made here has what Barbican's rules give.
      if (projectId === key.projectId && !(await isGranted(key, projectId))) return
      const secretIds = await secretIdsOf(key)
      if (secretIds.length === 0) throw new KeyError('missing', 'Barbican has no such key.')
      await grants.sync(key, projectId, secretIds)
    },
    revoke: async (key, projectId) => {
      if (projectId !== key.projectId) await grants.revoke(key, projectId, await secretIdsOf(key))
    },

    check: () => secrets.check(),
    close: async () => undefined,
  }
}
