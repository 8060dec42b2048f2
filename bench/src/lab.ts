import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Accounts, logInAll } from './api.ts'
import type { LoadClient } from './load-client.ts'
import type { Cores } from './machine.ts'
import { type Seeded, seed } from './seed.ts'
import { type Service, startService } from './service.ts'

/** A running service with images in it, and accounts to use it with. */
export interface Served extends Service, Accounts, Seeded {
  readonly data: string
}

/** Where benchmarks work. */
export interface Lab {
  readonly cores: Cores
  readonly load: LoadClient
  /** For files; on the disk that is measured. */
  readonly folder: string
  /**
   * Starts the service with so many images.
   * @param core its only core; null: any
   */
  readonly serve: (images: number, core: number | null) => Promise<Served>
  readonly freeBytes: () => Promise<number>
  /** Tells the person in front of it what goes on. */
  readonly say: (line: string) => void
}

export interface LabOptions extends Pick<Lab, 'cores' | 'load' | 'folder' | 'say'> {
  readonly entry: string
  /** Folder for profiles of the service, if wanted. */
  readonly profiles: string | undefined
}

/** Folders with images are made when first asked for, and used by all benchmarks after that. */
export const createLab = ({ entry, profiles, ...lab }: LabOptions): Lab => {
  const made = new Map<number, Promise<Seeded>>()
  const dataOf = (images: number) => join(lab.folder, `with-${images}`, 'data')

  const make = async (images: number): Promise<Seeded> => {
    const data = dataOf(images)
    const started = performance.now()
    const accounts = await (async () => {
      await using service = await startService({ entry, data, core: null, profiles: undefined })
      return await logInAll(service.url, data)
    })()
    const path = join(data, 'vitrine.db')
    if (!existsSync(path)) throw new Error(`The service has made no database at ${path}.`)
    const projects = { producer: accounts.producer.projectId, consumer: accounts.consumer.projectId }
    const seeded = await seed(`sqlite:${path}`, images, projects)
    lab.say(`${images.toLocaleString('en')} images made in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return seeded
  }

  return {
    ...lab,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(lab.folder)
      return bavail * bsize
    },
    serve: async (images, core) => {
      const making = made.get(images) ?? make(images)
      made.set(images, making)
      const seeded = await making
      const data = dataOf(images)
      const service = await startService({ entry, data, core, profiles })
      try {
        return { ...service, ...seeded, ...(await logInAll(service.url, data)), data }
      } catch (error) {
        await service[Symbol.asyncDispose]()
        throw error
      }
    },
  }
}
