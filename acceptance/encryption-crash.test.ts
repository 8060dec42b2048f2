import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { createRandom } from './crash/random.ts'
import { killWhileRotating, killWhileSharing } from './encryption/rounds.ts'
import { needWorld, type WorldOptions, withWorld } from './encryption/world.ts'

/** `kill -9` in the midst of what happens in two places: at the key manager and in the database. */

const given = Number(process.env.VITRINE_CRASH_ROUNDS || 0)
const seed = Number(process.env.VITRINE_CRASH_SEED || randomInt(2 ** 31))

const worlds: readonly (WorldOptions & { readonly rounds: number })[] = [
  { keyManager: 'embedded', database: 'SQLite', rounds: given || 12 },
  { keyManager: 'embedded', database: 'PostgreSQL', rounds: given || 6 },
  { keyManager: 'Barbican', database: 'SQLite', rounds: given || 5 },
]

for (const { rounds, ...options } of worlds) {
  const { keyManager, database } = options
  const name = `never a grant without a share, nor a share without a grant: ${keyManager} keys, ${database}, ${rounds} rounds (seed ${seed})`
  test(name, { skip: await needWorld(keyManager) }, (t) =>
    withWorld(options, async (world) => {
      const random = createRandom(seed)
      t.diagnostic(JSON.stringify(await killWhileSharing(world, random, rounds)))
      t.diagnostic(JSON.stringify(await killWhileRotating(world, random, rounds, 20)))
    }),
  )
}
