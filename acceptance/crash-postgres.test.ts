import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRandom } from './crash/random.ts'
import { runRounds } from './crash/rounds.ts'
import { startPostgres } from './postgres.ts'
import { temporaryFolder } from './service.ts'

const count = Number(process.env.VITRINE_CRASH_ROUNDS || 10)
const seed = Number(process.env.VITRINE_CRASH_SEED || randomInt(2 ** 31))

test(`on PostgreSQL nothing acknowledged is lost after ${count} kills (seed ${seed})`, async (t) => {
  await using folder = await temporaryFolder()
  // It lives on while the service is killed.
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
