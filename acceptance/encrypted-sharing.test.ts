import { test } from 'node:test'
import { playEncryptedSharing } from './encryption/story.ts'
import { needWorld, type WorldOptions, withWorld } from './encryption/world.ts'

const worlds: readonly WorldOptions[] = [
  { keyManager: 'embedded', database: 'SQLite' },
  { keyManager: 'embedded', database: 'PostgreSQL' },
  { keyManager: 'Barbican', database: 'SQLite' },
]

for (const options of worlds) {
  const { keyManager, database } = options
  const name = `an encrypted image is shared with the right to read it: ${keyManager} keys, ${database}`
  test(name, { skip: await needWorld(keyManager) }, (t) =>
    withWorld(options, (world) => playEncryptedSharing(t, world)),
  )
}
