import type { Reader, Tx } from '../../database/database.ts'
import { locked } from '../../database/dialect.ts'
import type { EmbeddedKeysTable } from '../../database/key-tables.ts'
import { KeyError } from '../port.ts'
import { keyBytes, unwrapWith, wrapWith } from '../wrapping.ts'
import type { MasterKey } from './master-key.ts'

/** Which row holds the material: of this version of a key, for this project. */
export type Place = Pick<EmbeddedKeysTable, 'key_id' | 'version' | 'holder_id'>

/** No row can stand in for another: what is sealed opens at its own place only. Ids of keys have no blanks. */
const contextOf = ({ key_id, version, holder_id }: Place): string =>
  `key ${key_id} version ${version} holder ${holder_id}`

const sealed = (master: MasterKey, { key_id, version, holder_id }: Place, content: Uint8Array): EmbeddedKeysTable => ({
  key_id,
  version,
  holder_id,
  master_id: master.id,
  sealed: Buffer.from(wrapWith(master.bytes, content, contextOf({ key_id, version, holder_id }))).toString('base64'),
})

const opened = (master: MasterKey, row: EmbeddedKeysTable): Uint8Array =>
  unwrapWith(master.bytes, Buffer.from(row.sealed, 'base64'), contextOf(row))

/**
 * A row holds the material and, after it, the project that the key was made for. Whoever writes into the database that the key
 * belongs to another project can neither use it as that project, nor grant nor rotate it, for then no row opens.
 */
export const sealedRow = (
  master: MasterKey,
  ownerId: string,
  place: Place,
  material: Uint8Array,
): EmbeddedKeysTable => {
  const content = Buffer.concat([material, Buffer.from(ownerId)])
  try {
    return sealed(master, place, content)
  } finally {
    content.fill(0)
  }
}

/**
 * The material of a row, to be overwritten after use.
 * @param ownerId the project that the key belongs to
 * @throws KeyError `damaged`
 */
export const openedRow = (master: MasterKey, ownerId: string, row: EmbeddedKeysTable): Uint8Array => {
  const content = opened(master, row)
  const material = content.subarray(0, keyBytes)
  if (Buffer.from(ownerId).equals(content.subarray(keyBytes))) return material
  material.fill(0)
  throw new KeyError('damaged', `The key ${row.key_id} was made for another project than it belongs to now.`)
}

/**
 * The same row under another master key.
 * @throws KeyError `damaged`
 */
export const resealedRow = (from: MasterKey, to: MasterKey, row: EmbeddedKeysTable): EmbeddedKeysTable => {
  const content = opened(from, row)
  try {
    return sealed(to, row, content)
  } finally {
    content.fill(0)
  }
}

// Each has five values, and a statement may have some thousands.
const rowsAtOnce = 200

export const storeRows = async (tx: Tx, rows: readonly EmbeddedKeysTable[]): Promise<void> => {
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    await tx
      .insertInto('embedded_keys')
      .values(rows.slice(from, from + rowsAtOnce))
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'version', 'holder_id']).doUpdateSet(({ ref }) => ({
          master_id: ref('excluded.master_id'),
          sealed: ref('excluded.sealed'),
        })),
      )
      .execute()
  }
}

/**
 * One row that is no key says under which master key is sealed just now, by all processes. Whoever seals locks it, so that
 * nothing comes to be sealed under a former one once another has begun to be used.
 */
const currentPlace: Place = { key_id: 'master', version: 0, holder_id: '' }

const current = (db: Reader) =>
  db
    .selectFrom('embedded_keys')
    .selectAll()
    .where('key_id', '=', currentPlace.key_id)
    .where('version', '=', currentPlace.version)

export const currentMasterId = async (db: Reader): Promise<string | undefined> =>
  (await current(db).executeTakeFirst())?.master_id

export const lockCurrentMasterId = async (tx: Tx): Promise<string | undefined> =>
  (await locked(tx, current(tx)).executeTakeFirst())?.master_id

export const setCurrentMasterId = (tx: Tx, masterId: string): Promise<void> =>
  storeRows(tx, [{ ...currentPlace, master_id: masterId, sealed: '' }])

/** Says it, unless somebody else has. */
export const proposeMasterId = async (tx: Tx, masterId: string): Promise<void> => {
  await tx
    .insertInto('embedded_keys')
    .values({ ...currentPlace, master_id: masterId, sealed: '' })
    .onConflict((conflict) => conflict.columns(['key_id', 'version', 'holder_id']).doNothing())
    .execute()
}

/** All rows that are keys. */
export const sealedRows = (db: Reader) => db.selectFrom('embedded_keys').where('version', '>', 0)
