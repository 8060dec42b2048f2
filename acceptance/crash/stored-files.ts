import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'

/** A file below the folder of images. */
export interface StoredFile {
  /** Relative to the folder of images. */
  readonly path: string
  readonly sha512: string
}

const hashFile = async (path: string): Promise<string> => {
  const hash = createHash('sha512')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Every file that the service keeps for images, wherever it put it. */
export const storedFiles = async (data: string): Promise<StoredFile[]> => {
  const folder = join(data, 'images')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(paths.map(async (path) => ({ path: relative(folder, path), sha512: await hashFile(path) })))
}

/** What SQLite finds wrong with its own file; `ok` when nothing. */
export const databaseIntegrity = (data: string): string => {
  const database = new DatabaseSync(join(data, 'vitrine.db'), { readOnly: true })
  try {
    const rows = database.prepare('PRAGMA integrity_check').all()
    return rows.map((row) => String(row.integrity_check)).join('; ')
  } finally {
    database.close()
  }
}
