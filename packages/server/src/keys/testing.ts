import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Database } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { sealingScheme } from '../sealing/chunks.ts'
import type { Service } from '../service.ts'
import type { TestDatabases } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { createEmbeddedKeyManager } from './embedded/embedded.ts'
import { openMasterKeys } from './embedded/open-master-keys.ts'
import { createKeyLocks } from './lock.ts'
import type { KeyManager } from './port.ts'
import { finishKeys } from './removal.ts'
import { resumeRotations } from './rotation.ts'
import { newImageKey, openImageKey } from './use.ts'

/** The project that the keys of the tests belong to, and one that is let use them. */
export const owner = { projectId: 'producer', token: null }
export const friend = { projectId: 'consumer', token: null }
export const cause = (): Cause => ({ projectId: 'producer', userId: 'u', requestId: null, at: Date.now() })
export const wish = { name: null, isDefault: false, grantable: true }

/** The process ends here: nothing of what it would do next happens. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

type Step = () => Promise<void>

/** Before and after every change, a step. */
const stepped = async <Result>(step: Step, change: () => Promise<Result>): Promise<Result> => {
  await step()
  const result = await change()
  await step()
  return result
}

const steppedDatabase = (database: Database, step: Step): Database => ({
  kind: database.kind,
  read: database.read,
  write: (work) => stepped(step, () => database.write(work)),
  isDuplicate: (error) => database.isDuplicate(error),
  isMissingReference: (error) => database.isMissingReference(error),
  check: () => database.check(),
  close: () => database.close(),
})

const steppedManager = (manager: KeyManager, step: Step): KeyManager => ({
  ...manager,
  make: (key) => stepped(step, () => manager.make(key)),
  remove: (key) => stepped(step, () => manager.remove(key)),
  destroy: (key) => stepped(step, () => manager.destroy(key)),
  wrap: (...given) => stepped(step, () => manager.wrap(...given)),
  unwrap: (...given) => stepped(step, () => manager.unwrap(...given)),
  revoke: (...given) => stepped(step, () => manager.revoke(...given)),
})

/** Keys in a database, without a worker: nothing is finished but by the tests. */
export const startKeyBench = async ({ newUrl, atEnd }: TestDatabases) => {
  const assembly = await startTestService({ key_manager: 'none', database_url: await newUrl() })
  atEnd(assembly.close)
  const { database, presence, log } = assembly.service
  const masterKeys = await openMasterKeys(
    { data: '/nowhere', master_key: randomBytes(32).toString('base64') },
    { database, presence, log },
  )
  const keyManager = createEmbeddedKeyManager({ database, masterKeys })
  const service: Service = { ...assembly.service, keyManager }

  /** The service as a process that is gone after the nth step; `watch` looks at how things are then. */
  const dying = (last: number, watch: Step = async () => undefined): Service => {
    let steps = 0
    const step = async () => {
      steps += 1
      if (steps > last) throw new Crash()
      if (steps === last) await watch()
    }
    const ownDatabase = steppedDatabase(database, step)
    return {
      ...service,
      database: ownDatabase,
      keyManager: steppedManager(keyManager, step),
      keyLocks: createKeyLocks(ownDatabase, { processId: `dead ${randomUUID()}`, look: presence.look }),
      // What goes on after a failure does so after a crash no more.
      log: Object.assign(Object.create(log), {
        error: ({ err }: { err: unknown }) => {
          throw err
        },
      }),
    }
  }
  const restart = async () => {
    await finishKeys(service, keyManager)
    await resumeRotations(service, keyManager)
  }
  const newImage = async (keyId: string): Promise<string> => {
    const { id } = (await assembly.call('POST', '/v2/images', fakeToken('producer', 'member'), {})).json()
    const { seal } = await newImageKey(service, owner, cause(), { id, keyId })
    await database.write(async (tx) => {
      await tx
        .updateTable('images')
        .set({ key_id: keyId, encryption: 'sealed', status: 'active' })
        .where('id', '=', id)
        .execute()
      await tx
        .insertInto('image_seals')
        .values({ ...seal, scheme: sealingScheme })
        .execute()
    })
    return id
  }
  const readImages = async (keyId: string, images: readonly string[]) => {
    for (const id of images) {
      for (const holder of [owner, friend]) {
        const dataKey = await openImageKey(service, holder, cause(), { id, key_id: keyId })
        assert.equal(dataKey.length, 32)
      }
    }
  }
  /** Nothing is begun, and the manager has what the service knows of, and nothing else. */
  const isTidy = async () => {
    const versions = await database.read.selectFrom('key_versions').selectAll().execute()
    assert.deepEqual(new Set(versions.map(({ state }) => state)).difference(new Set(['ready'])), new Set())
    const keys = await database.read.selectFrom('keys').selectAll().execute()
    for (const { version } of keys) assert.ok(version > 0)
    const made = await database.read
      .selectFrom('embedded_keys')
      .select(['key_id', 'version'])
      .where('version', '>', 0)
      .execute()
    const nameOf = ({ key_id, version }: { key_id: string; version: number }) => `${key_id} ${version}`
    assert.deepEqual(new Set(made.map(nameOf)), new Set(versions.map(nameOf)))
  }
  return { service, keyManager, dying, restart, newImage, readImages, isTidy }
}
