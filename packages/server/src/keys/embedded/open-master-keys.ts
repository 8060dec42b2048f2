import type { FastifyBaseLogger } from 'fastify'
import { type Config, ConfigError } from '../../config.ts'
import type { Presence } from '../../data/processes.ts'
import type { Database } from '../../database/database.ts'
import { locked } from '../../database/dialect.ts'
import type { EmbeddedKeysTable } from '../../database/key-tables.ts'
import { KeyError } from '../port.ts'
import {
  createMasterKeys,
  type MasterKey,
  type MasterKeys,
  makeMasterKeyFile,
  readMasterKeys,
  sourceOf,
} from './master-key.ts'
import {
  lockCurrentMasterId,
  type Place,
  proposeMasterId,
  resealedRow,
  sealedRows,
  setCurrentMasterId,
  storeRows,
} from './rows.ts'

interface Surroundings {
  readonly database: Database
  readonly presence: Pick<Presence, 'processId'>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>
}

type Settings = Pick<Config, 'data' | 'master_key' | 'master_key_file' | 'master_key_previous'>

const howToGive =
  'Give it in the setting master_key, or in the file of master_key_file; a former one in master_key_previous or in a further line of that file. Without it, what is encrypted with these keys cannot be read by anybody'

/** How many sealed rows need which master key. */
const needs = async ({ database }: Surroundings): Promise<Map<string, number>> => {
  const rows = await sealedRows(database.read)
    .select(({ fn }) => ['master_id', fn.countAll<number>().as('count')])
    .groupBy('master_id')
    .execute()
  return new Map(rows.map(({ master_id, count }) => [master_id, Number(count)]))
}

/** The master keys of the settings; at the first start, one that is made. */
const read = async (settings: Settings, around: Surroundings): Promise<[MasterKey, ...MasterKey[]]> => {
  const { path } = sourceOf(settings)
  const found = await readMasterKeys(settings)
  if (found !== undefined) return found
  const needed = await needs(around)
  if (needed.size > 0 || path === undefined) {
    throw new ConfigError(
      `There is no master key at ${path}, and the database has keys that are sealed under one (${[...needed.keys()].join(', ')}). ${howToGive}`,
    )
  }
  await makeMasterKeyFile(path)
  const made = await readMasterKeys(settings)
  if (made === undefined) throw new ConfigError(`The master key at ${path} has vanished while the service started`)
  return made
}

const hasOthers = async ({ database, presence }: Surroundings): Promise<boolean> =>
  (await database.read
    .selectFrom('processes')
    .select('id')
    .where('id', '<>', presence.processId)
    .limit(1)
    .executeTakeFirst()) !== undefined

/** From now on, everyone seals under the current master key of this process. */
const makeCurrent = async (keys: readonly [MasterKey, ...MasterKey[]], around: Surroundings): Promise<void> => {
  const [{ id }] = keys
  const isKnown = (one: string) => keys.some((key) => key.id === one)
  const missing = [...(await needs(around))].filter(([one]) => !isKnown(one))
  if (missing.length > 0) {
    const which = missing.map(([one, count]) => `${one} (${count} times)`).join(', ')
    throw new ConfigError(
      `The database has keys that are sealed under a master key which this process does not have: ${which}; it has ${keys.map((key) => key.id).join(', ')}. ${howToGive}`,
    )
  }
  // With nothing sealed, another master key is as good as the one before, unless somebody is about to use that.
  const isAlone = !(await hasOthers(around))
  const before = await around.database.write(async (tx) => {
    await proposeMasterId(tx, id)
    const found = await lockCurrentMasterId(tx)
    if (found !== undefined && found !== id && (isKnown(found) || isAlone)) await setCurrentMasterId(tx, id)
    return found
  })
  if (before !== undefined && !isKnown(before) && !isAlone) {
    // Whoever encrypts nothing need not know of it.
    around.log.warn(
      `other processes on this database use the master key ${before}, and this one has ${id}: no image can be encrypted here until all have the same; set master_key`,
    )
  }
}

const batchSize = 200

type Batch = readonly EmbeddedKeysTable[]

/** Rows after a place that are not sealed under this master key, locked. */
const batchAfter = (database: Database, masterId: string, after: Place, work: (rows: Batch) => EmbeddedKeysTable[]) =>
  database.write(async (tx) => {
    const rows = await locked(
      tx,
      tx
        .selectFrom('embedded_keys')
        .selectAll()
        .where('version', '>', 0)
        .where('master_id', '<>', masterId)
        .where(({ eb, refTuple, tuple }) =>
          eb(refTuple('key_id', 'version', 'holder_id'), '>', tuple(after.key_id, after.version, after.holder_id)),
        )
        .orderBy('key_id')
        .orderBy('version')
        .orderBy('holder_id')
        .limit(batchSize),
    ).execute()
    await storeRows(tx, work(rows))
    return rows.at(-1)
  })
/** @returns the row under the current master key, or undefined if it cannot be opened */
const resealed = (keys: MasterKeys, current: MasterKey, row: EmbeddedKeysTable): EmbeddedKeysTable | undefined => {
  const master = keys.known(row.master_id)
  if (master === undefined) return undefined
  try {
    return resealedRow(master, current, row)
  } catch (error) {
    if (error instanceof KeyError) return undefined
    throw error
  }
}

/**
 * Seals under the current master key whatever is sealed under a former one, in batches: one that was broken off goes on where
 * it ended, and several processes at once do each other no harm.
 */
const resealAll = async (keys: MasterKeys, current: MasterKey, { database, log }: Surroundings) => {
  let done = 0
  const damaged = new Set<string>()
  const work = (rows: Batch): EmbeddedKeysTable[] => {
    const anew = rows.map((row) => resealed(keys, current, row))
    rows.forEach(({ key_id }, index) => {
      if (anew[index] === undefined) damaged.add(key_id)
    })
    const sealed = anew.filter((row) => row !== undefined)
    done += sealed.length
    return sealed
  }
  let last: Place | undefined = { key_id: '', version: 0, holder_id: '' }
  while (last !== undefined) last = await batchAfter(database, current.id, last, work)
  if (done > 0) log.info(`sealed ${done} keys anew under the master key ${current.id}`)
  for (const keyId of damaged) log.error(`the key ${keyId} is damaged: a part of it cannot be sealed anew`)
  return damaged.size === 0
}

/**
 * The master keys for `createEmbeddedKeyManager`. When the promise resolves, everything is sealed under the current one.
 * @throws ConfigError when there is none, when others may read it, or when the database needs another
 */
export const openMasterKeys = async (settings: Settings, around: Surroundings): Promise<MasterKeys> => {
  const { log } = around
  const all = await read(settings, around)
  await makeCurrent(all, around)
  const [current, ...former] = all
  const keys = createMasterKeys(settings, all)
  const isWhole = await resealAll(keys, current, around)
  const { path, isBesideData, howToForget } = sourceOf(settings)
  if (former.length > 0 && isWhole) {
    log.info(`only the master key ${current.id} is needed: ${howToForget}`)
  }
  if (isBesideData) {
    log.warn(
      `the master key is in ${path}, so whoever copies the data folder can read encrypted images; keep it elsewhere with master_key_file or master_key`,
    )
  }
  return keys
}
