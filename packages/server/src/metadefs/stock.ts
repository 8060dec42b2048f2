import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../database/database.ts'
import { parseNamespace } from './bodies.ts'
import { insertWhole } from './namespaces.ts'
import { listLoadedStock, markStockLoaded, takenNames } from './queries.ts'
import { lockNamespaces } from './room.ts'

const folder = join(import.meta.dirname, 'stock')

const readStock = async (file: string) => {
  const json: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'))
  return { file, body: parseNamespace(json) }
}

/**
 * Loads the definitions that the service brings along, each of them once in the life of a database: what an operator
 * changed stays changed, and what it deleted does not come back, while a later version of the service may bring more.
 * They belong to nobody, so that everybody sees them, and fit always: limits are for what is added to them.
 */
export const loadStock = async (database: Database, now: () => number): Promise<void> => {
  const loaded = await listLoadedStock(database.read)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json') && !loaded.has(file)).sort()
  if (files.length === 0) return
  const stock = await Promise.all(files.map(readStock))
  await database.write(async (tx) => {
    // Processes that start together load it once.
    await lockNamespaces(tx)
    const isNew = await markStockLoaded(tx, files, now())
    const taken = await takenNames(
      tx,
      stock.map(({ body }) => body.namespace),
    )
    const missing = stock.filter(({ file, body }) => isNew.has(file) && !taken.has(body.namespace))
    const bodies = missing.map(({ body }) => body)
    if (bodies.length > 0) await insertWhole(tx, bodies, { owner: null, at: now() })
  })
}
