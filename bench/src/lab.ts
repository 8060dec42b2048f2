import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../packages/server/src/database/open.ts'
import { type Accounts, logInAll } from './api.ts'
import type { LoadClient } from './load-client.ts'
import type { Cores } from './machine.ts'
import { type Dataset, type Seeded, someImages } from './seed.ts'
import { type Service, type Settings, startService } from './service.ts'

/** A running service, and accounts to use it with. */
export interface Running extends Service, Accounts {
  readonly data: string
}

/** One with images in it. */
export type Served = Running & Seeded

/** How the service runs. */
export interface Run {
  /** Its only core; null: any. */
  readonly core: number | null
  /** Those that are not at their defaults. */
  readonly settings?: Settings
}

/** Where benchmarks work. */
export interface Lab {
  readonly cores: Cores
  readonly load: LoadClient
  /** For files; on the disk that is measured. */
  readonly folder: string
  /**
   * Starts the service with so many images, in the same state for all benchmarks that only read.
   * @param core its only core; null: any
   */
  readonly serve: (images: number, core: number | null) => Promise<Served>
  /** Starts the service with data of its own. */
  readonly serveFilled: <Found>(dataset: Dataset<Found>, run: Run) => Promise<Running & Found>
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
  const dataOf = ({ name }: Pick<Dataset<unknown>, 'name'>) => join(lab.folder, name, 'data')

  const make = async <Found>(dataset: Dataset<Found>): Promise<Found> => {
    const data = dataOf(dataset)
    const started = performance.now()
    const accounts = await (async () => {
      await using service = await startService({ entry, data, core: null, profiles: undefined })
      return await logInAll(service.url, data)
    })()
    const path = join(data, 'vitrine.db')
    if (!existsSync(path)) throw new Error(`The service has made no database at ${path}.`)
    const database = await openDatabase(`sqlite:${path}`)
    try {
      const { producer, consumer } = accounts
      return await dataset.fill(database, { producer: producer.projectId, consumer: consumer.projectId }, data)
    } finally {
      await database.close()
      lab.say(`${dataset.described} made in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    }
  }

  const start = async (data: string, { core, settings }: Run): Promise<Running> => {
    const service = await startService({ entry, data, core, profiles, settings })
    try {
      return { ...service, ...(await logInAll(service.url, data)), data }
    } catch (error) {
      await service[Symbol.asyncDispose]()
      throw error
    }
  }

  return {
    ...lab,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(lab.folder)
      return bavail * bsize
    },
    serve: async (images, core) => {
      const dataset = someImages(images)
      const making = made.get(images) ?? make(dataset)
      made.set(images, making)
      return { ...(await making), ...(await start(dataOf(dataset), { core })) }
    },
    serveFilled: async (dataset, run) => {
      const found = await make(dataset)
      return { ...found, ...(await start(dataOf(dataset), run)) }
    },
  }
}
