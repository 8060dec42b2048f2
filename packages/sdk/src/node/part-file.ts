import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Image } from '../image.ts'

/** What arrived of a download that ended early. */
export interface KeptDownload {
  path: string
  sizeBytes: number
}

/** The file that one download writes to, and nobody else. */
export interface PartFile {
  readonly path: string
  readonly file: FileHandle
  /** Gives it the name of the target, in the place of what is there. What else was left of it goes. */
  finish(): Promise<void>
  /** Lays it aside for the next attempt. @returns undefined when there is nothing to keep */
  keep(): Promise<KeptDownload | undefined>
}

// With what is added to it, it stays below the 255 bytes that most file systems take.
const stemBytes = 150

/** Hidden, beside the target, and with the beginning of its name. */
const stemOf = (path: string): string => {
  const name = new TextDecoder().decode(new TextEncoder().encode(basename(path)).subarray(0, stemBytes))
  return `.${name.replace(/\uFFFD+$/, '')}`
}

/** Under which name the beginning of these very bytes is kept between two attempts. */
const keptStem = (image: Image, path: string): string | undefined => {
  const digest = image.osHashValue ?? image.checksum
  if (digest === null) return undefined
  return `${stemOf(path)}.${createHash('sha256').update(`${image.id} ${digest}`).digest('hex').slice(0, 16)}`
}

// Numbers of processes come again, in containers above all; with this they tell one process from another.
const ownProcess = `${process.pid}-${randomUUID().slice(0, 8)}`

/** Whether the process that has named a file so may still write to it. */
const isAlive = (pid: number, name: string): boolean => {
  if (pid === process.pid) return name === ownProcess
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

/** Names of beginnings that nobody writes to: laid aside, or left by processes that were killed. */
const freeParts = async (folder: string, stem: string): Promise<string[]> => {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => {
    if (!name.startsWith(`${stem}.`)) return false
    const rest = name.slice(stem.length + 1)
    const [, writer = '', pid] = /^((\d+)-[0-9a-f]{8})\.[0-9a-f-]{36}\.part$/.exec(rest) ?? []
    return rest === 'part' || (pid !== undefined && !isAlive(Number(pid), writer))
  })
}

/** Of several downloads that are after the same file, one gets it. */
const claim = (from: string, to: string): Promise<boolean> =>
  rename(from, to).then(
    () => true,
    () => false,
  )

/** The beginning that an earlier attempt has left, or a new file, under a name that no other download has. */
const openKeepable = async (path: string, stem: string): Promise<PartFile> => {
  const folder = dirname(path)
  const kept = join(folder, `${stem}.part`)
  const own = join(folder, `${stem}.${ownProcess}.${randomUUID()}.part`)
  let isClaimed = false
  for (const name of await freeParts(folder, stem)) {
    isClaimed = await claim(join(folder, name), own)
    if (isClaimed) break
  }
  const file = await open(own, isClaimed ? 'r+' : 'wx+')
  return {
    path: own,
    file,
    finish: async () => {
      await rename(own, path)
      for (const name of await freeParts(folder, stem)) await rm(join(folder, name), { force: true }).catch(() => {})
    },
    keep: async () => {
      const { size: sizeBytes } = await stat(own)
      // Of two that ended early, the one that has more is worth more.
      const other = await stat(kept).catch(() => undefined)
      if (sizeBytes === 0 || (other !== undefined && other.size > sizeBytes)) {
        await rm(own, { force: true })
        return other && { path: kept, sizeBytes: other.size }
      }
      await rename(own, kept)
      return { path: kept, sizeBytes }
    },
  }
}

/**
 * A file for the bytes on their way to a target.
 * @param isKept whether it takes up what an earlier attempt has left, and can be kept for the next one
 */
export const openPart = async (image: Image, path: string, isKept: boolean): Promise<PartFile> => {
  const stem = isKept ? keptStem(image, path) : undefined
  if (stem !== undefined) return openKeepable(path, stem)
  const own = join(dirname(path), `${stemOf(path)}.${randomUUID()}.part`)
  const file = await open(own, 'wx')
  return {
    path: own,
    file,
    finish: () => rename(own, path),
    keep: async () => {
      await rm(own, { force: true })
      return undefined
    },
  }
}
