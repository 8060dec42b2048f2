import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3Server } from '../testing/s3-server.ts'

/** Where the bytes of a store are, for tests that look at them or spoil them. */
export interface Place {
  /** The setting of the store. */
  readonly stores: string
  /** Everything that is there, by a name. */
  contents(): Promise<Map<string, Buffer>>
  /** Leaves something behind the bytes of an unfinished write, as a process does that is killed. */
  spoil(key: string): Promise<void>
}

type AtEnd = (close: () => Promise<void>) => void

export interface StoreKind {
  readonly name: string
  /** So many bytes of an upload under way are not all kept in memory. */
  readonly manyBytes: number
  newPlace(atEnd: AtEnd): Promise<Place>
}

export const fileStore: StoreKind = {
  name: 'a folder',
  manyBytes: 300_000,
  newPlace: async (atEnd) => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-uploads-'))
    atEnd(() => rm(folder, { recursive: true, force: true }))
    return {
      stores: `file=file://${folder}`,
      contents: async () => {
        const found = new Map<string, Buffer>()
        for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
          if (entry.isFile()) found.set(entry.name, await readFile(join(entry.parentPath, entry.name)))
        }
        return found
      },
      spoil: (key) => appendFile(join(folder, 'incoming', key), randomBytes(70_000)),
    }
  },
}

export const s3Store: StoreKind = {
  name: 'S3',
  manyBytes: 9_000_000,
  newPlace: async (atEnd) => {
    const s3 = await startS3Server()
    atEnd(() => s3.close())
    return {
      stores: `cloud=${s3.location('x')}`,
      contents: async () => {
        const found = new Map([...s3.objects].map(([name, { bytes }]) => [name, bytes]))
        for (const [id, { parts }] of s3.uploads)
          for (const [number, { bytes }] of parts) found.set(`${id} ${number}`, bytes)
        return found
      },
      spoil: async (key) => {
        for (const { object, parts } of s3.uploads.values()) {
          if (object === `x/${key}`) parts.set(parts.size + 1, { bytes: randomBytes(70_000), eTag: '"other"' })
        }
        for (const [name, { bytes }] of s3.objects)
          if (name.startsWith(`x/${key}.tail`)) s3.replace(name, Buffer.concat([bytes, randomBytes(70_000)]))
        s3.replace(`x/${key}.tail-7`, randomBytes(70_000))
      },
    }
  },
}
