import { randomBytes } from 'node:crypto'
import type { Database, Tx } from '../../database/database.ts'
import type { EmbeddedKeysTable } from '../../database/key-tables.ts'
import { isOutage } from '../../database/outage.ts'
import { prepared } from '../../database/prepared.ts'
import { type Key, KeyError, type KeyHolder, type KeyManager, type KeyVersion } from '../port.ts'
import { keyBytes, unwrapWith, wrapWith } from '../wrapping.ts'
import type { MasterKey, MasterKeys } from './master-key.ts'
import { currentMasterId, lockCurrentMasterId, openedRow, sealedRow, storeRows } from './rows.ts'

interface Parts {
  readonly database: Database
  readonly masterKeys: MasterKeys
}

/** Does something with secret bytes, which are gone afterwards. */
const withSecret = <Result>(secret: Uint8Array, work: (secret: Uint8Array) => Result): Result => {
  try {
    return work(secret)
  } finally {
    secret.fill(0)
  }
}

/** A database that does not answer is a key manager that does not answer. */
const reached = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    if (!isOutage(error)) throw error
    throw new KeyError('unavailable', 'The database with the keys does not answer.', { cause: error })
  }
}

const unknownMaster = (masterId: string): KeyError =>
  new KeyError('damaged', `A key is sealed under the master key ${masterId}, which this process does not have.`)

const rowsOfVersion = (tx: Pick<Tx, 'selectFrom'>, { id, version }: KeyVersion) =>
  tx.selectFrom('embedded_keys').selectAll().where('key_id', '=', id).where('version', '=', version)

const rowByHolder = prepared<{ key: string; version: number; holder: string }, EmbeddedKeysTable>((db, value) =>
  db
    .selectFrom('embedded_keys')
    .selectAll()
    .where('key_id', '=', value('key'))
    .where('version', '=', value('version'))
    .where('holder_id', '=', value('holder')),
)

/** The row by which a holder has a version. Only one that opens says so: anybody may have written it. */
const rowOf = async ({ database }: Parts, key: KeyVersion, holderId: string): Promise<EmbeddedKeysTable> => {
  const [row] = await rowByHolder(database.read, { key: key.id, version: key.version, holder: holderId })
  if (row !== undefined) return row
  const other = await rowsOfVersion(database.read, key).limit(1).executeTakeFirst()
  if (other === undefined) throw new KeyError('missing', `There is no version ${key.version} of the key ${key.id}.`)
  throw new KeyError('refused', `The project ${holderId} does not hold the key ${key.id}.`)
}

/** Uses the material of a version as its holder. */
const use = <Result>(
  parts: Parts,
  key: KeyVersion,
  { projectId }: KeyHolder,
  work: (material: Uint8Array) => Result,
): Promise<Result> =>
  reached(async () => {
    const row = await rowOf(parts, key, projectId)
    const master = await parts.masterKeys.find(row.master_id)
    if (master === undefined) throw unknownMaster(row.master_id)
    return withSecret(openedRow(master, key.projectId, row), work)
  })

/**
 * Seals in one transaction, under the master key that all processes use now. It is run again if they begin to use another
 * before it has begun.
 */
const seal = ({ database, masterKeys }: Parts, work: (tx: Tx, master: MasterKey) => Promise<void>): Promise<void> =>
  reached(async () => {
    for (;;) {
      const masterId = await currentMasterId(database.read)
      const master = masterId === undefined ? undefined : await masterKeys.find(masterId)
      if (master === undefined) {
        throw new KeyError(
          'unavailable',
          `This process does not have the master key ${masterId}; restart it with that.`,
        )
      }
      const isDone = await database.write(async (tx) => {
        if ((await lockCurrentMasterId(tx)) !== masterId) return false
        await work(tx, master)
        return true
      })
      if (isDone) return
    }
  })

/** @throws KeyError `damaged` */
const open = ({ masterKeys }: Parts, { projectId }: Key, row: EmbeddedKeysTable): Uint8Array => {
  const master = masterKeys.known(row.master_id)
  if (master === undefined) throw unknownMaster(row.master_id)
  return openedRow(master, projectId, row)
}

const isOpening = (parts: Parts, key: Key, row: EmbeddedKeysTable): boolean => {
  try {
    return withSecret(open(parts, key, row), () => true)
  } catch (error) {
    if (error instanceof KeyError) return false
    throw error
  }
}

/**
 * The projects that hold the version before; a row that opens nothing is nobody's.
 * @throws KeyError `damaged` when the owner is not among them: what the key is to wrap anew would be for others
 */
const holdersBefore = async (parts: Parts, tx: Tx, key: KeyVersion): Promise<string[]> => {
  const before = await tx
    .selectFrom('embedded_keys')
    .select('version')
    .where('key_id', '=', key.id)
    .where('version', '<', key.version)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (before === undefined) return []
  const last = await rowsOfVersion(tx, { ...key, version: before.version }).execute()
  const holders = last.filter((row) => isOpening(parts, key, row)).map(({ holder_id }) => holder_id)
  if (!holders.includes(key.projectId)) {
    throw new KeyError('damaged', `The key ${key.id} cannot be opened for its project, so it gets no new version.`)
  }
  return holders
}

const make = (parts: Parts, key: KeyVersion): Promise<void> =>
  seal(parts, async (tx, master) => {
    const made = await rowsOfVersion(tx, key).where('holder_id', '=', key.projectId).executeTakeFirst()
    if (made !== undefined) return
    const holders = new Set([key.projectId, ...(await holdersBefore(parts, tx, key))])
    const rows = withSecret(randomBytes(keyBytes), (material) =>
      [...holders].map((holder_id) =>
        sealedRow(master, key.projectId, { key_id: key.id, version: key.version, holder_id }, material),
      ),
    )
    await storeRows(tx, rows)
  })

const grant = (parts: Parts, key: Key, projectId: string): Promise<void> =>
  seal(parts, async (tx, master) => {
    const rows = await tx
      .selectFrom('embedded_keys')
      .selectAll()
      .where('key_id', '=', key.id)
      .where('holder_id', 'in', [key.projectId, projectId])
      .execute()
    const own = rows.filter(({ holder_id }) => holder_id === key.projectId)
    if (own.length === 0) throw new KeyError('missing', `There is no key ${key.id}.`)
    if (projectId === key.projectId) return
    const held = rows.filter((row) => row.holder_id === projectId && isOpening(parts, key, row))
    const wanted = own.filter(({ version }) => !held.some((row) => row.version === version))
    await storeRows(
      tx,
      wanted.map((row) =>
        withSecret(open(parts, key, row), (material) =>
          sealedRow(master, key.projectId, { ...row, holder_id: projectId }, material),
        ),
      ),
    )
  })

/**
 * The key manager that comes with the service. The material of a version lies in the database once for each project that holds
 * it, sealed under the master key for that project alone: a grant is a row that opens, which nobody can write without the
 * master key. Whose token a call carries does not matter; the service vouches for the project.
 */
export const createEmbeddedKeyManager = (parts: Parts): KeyManager => {
  const { database } = parts
  return {
    kind: 'embedded',
    find: async () => false,
    make: (key) => make(parts, key),
    remove: (key) =>
      reached(async () => {
        await database.write((tx) =>
          tx.deleteFrom('embedded_keys').where('key_id', '=', key.id).where('version', '=', key.version).execute(),
        )
      }),
    destroy: (key) =>
      reached(async () => {
        await database.write((tx) =>
          tx.deleteFrom('embedded_keys').where('key_id', '=', key.id).where('version', '>', 0).execute(),
        )
      }),
    wrap: (key, holder, dataKey, context) =>
      use(parts, key, holder, (material) => wrapWith(material, dataKey, context)),
    unwrap: (key, holder, wrapped, context) =>
      use(parts, key, holder, (material) => unwrapWith(material, wrapped, context)),
    prove: (key, holder) => use(parts, key, holder, () => undefined),
    grant: (key, projectId) => grant(parts, key, projectId),
    revoke: (key, projectId) =>
      reached(async () => {
        if (projectId === key.projectId) return
        await database.write((tx) =>
          tx.deleteFrom('embedded_keys').where('key_id', '=', key.id).where('holder_id', '=', projectId).execute(),
        )
      }),
    check: () => reached(() => database.check()),
    close: async () => undefined,
  }
}
