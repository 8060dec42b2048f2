import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Writes a whole new file that only its owner reads, and hands it to `place`, which gives it its name. */
const writeDurably = async (path: string, text: string, place: (written: string) => Promise<void>): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  const written = `${path}.${randomUUID()}`
  try {
    const file = await open(written, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await place(written)
  } finally {
    await rm(written, { force: true })
  }
  await syncFolder(dirname(path))
}

/** The text of a file, or undefined if there is none. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Makes a file that only its owner reads, unless it is there already: of several processes that try at once one
 * succeeds, and all of them then read the same. When this resolves, the file outlives a crash of the machine.
 * @returns whether it was this call that made the file
 */
export const createSecretFile = async (path: string, text: string): Promise<boolean> => {
  let created = true
  await writeDurably(path, text, async (written) => {
    try {
      await link(written, path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      created = false
    }
  })
  return created
}

/** Replaces a file as a whole; a reader sees the old or the new text. Only its owner reads it. */
export const replaceSecretFile = (path: string, text: string): Promise<void> =>
  writeDurably(path, text, (written) => rename(written, path))
