import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../storage/file-errors.ts'

/** Images that wait to be cached here, as empty files of their names, so that they are still known after a crash. */
export interface CacheQueue {
  add(imageId: string): Promise<void>
  /** @returns whether it waited */
  remove(imageId: string): Promise<boolean>
  /** The oldest first. */
  list(): Promise<string[]>
}

const isImageId = (name: string): boolean => /^[0-9a-fA-F-]{32,36}$/.test(name)

export const openCacheQueue = async (directory: string): Promise<CacheQueue> => {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const addedAt = async (name: string): Promise<number | undefined> => {
    try {
      return (await stat(join(directory, name))).mtimeMs
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  return {
    add: async (imageId) => {
      if (!isImageId(imageId)) throw new TypeError('An image id is a UUID.')
      if ((await addedAt(imageId)) === undefined) await writeFile(join(directory, imageId), '', { mode: 0o600 })
    },
    remove: async (imageId) => {
      if (!isImageId(imageId) || (await addedAt(imageId)) === undefined) return false
      await rm(join(directory, imageId), { force: true })
      return true
    },
    list: async () => {
      const names = (await readdir(directory)).filter(isImageId)
      const found = await Promise.all(names.map(async (name) => ({ name, at: await addedAt(name) })))
      return found
        .filter(({ at }) => at !== undefined)
        .toSorted((one, other) => (one.at ?? 0) - (other.at ?? 0))
        .map(({ name }) => name)
    },
  }
}
