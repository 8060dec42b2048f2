/**
 * A process that does one piece of work on the keys of a service and kills itself (SIGKILL) after its nth step: a transaction,
 * or a call that changes something at the key manager. It ends by itself when the work has fewer steps.
 *
 * Arguments: the settings as JSON, the name of the work, n, the image, the key.
 */
import { expandRoles } from '../access/actor.ts'
import { assemble } from '../assemble.ts'
import { loadConfig } from '../config.ts'
import type { Database } from '../database/database.ts'
import { createKeyLocks } from '../keys/lock.ts'
import type { KeyManager } from '../keys/port.ts'
import { finishKeys } from '../keys/removal.ts'
import { resumeRotations, rotateKey } from '../keys/rotation.ts'
import { startKeyWork } from '../keys/worker.ts'
import { plainTerms } from '../members/share.ts'
import type { Service } from '../service.ts'
import { runBatch } from '../shares/many.ts'
import { fakeIdentity } from './fake-identity.ts'

const [settings = '{}', work = '', killAt = '0', image = '', key = ''] = process.argv.slice(2)

let steps = 0
const step = (): void => {
  steps += 1
  if (steps !== Number(killAt)) return
  process.kill(process.pid, 'SIGKILL')
  // Nothing more is done in the moment until it is dead.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const stepped = async <Result>(call: () => Promise<Result>): Promise<Result> => {
  const result = await call()
  step()
  return result
}

const steppedDatabase = (database: Database): Database => ({
  kind: database.kind,
  read: database.read,
  write: (change) => stepped(() => database.write(change)),
  isDuplicate: (error) => database.isDuplicate(error),
  isMissingReference: (error) => database.isMissingReference(error),
  check: () => database.check(),
  close: () => database.close(),
})

const steppedManager = (manager: KeyManager): KeyManager => ({
  kind: manager.kind,
  find: (one) => manager.find(one),
  make: (one) => stepped(() => manager.make(one)),
  remove: (one) => stepped(() => manager.remove(one)),
  destroy: (one) => stepped(() => manager.destroy(one)),
  wrap: (...given) => manager.wrap(...given),
  unwrap: (...given) => manager.unwrap(...given),
  prove: (...given) => manager.prove(...given),
  grant: (...given) => stepped(() => manager.grant(...given)),
  revoke: (...given) => stepped(() => manager.revoke(...given)),
  check: () => manager.check(),
  close: () => manager.close(),
})

const config = await loadConfig({ environment: {} })
const given: Partial<typeof config> = JSON.parse(settings)
const { service: real, close } = await assemble({ ...config, ...given }, { identity: fakeIdentity() })
const { keyManager: manager } = real
if (manager === undefined) throw new Error('there is no key manager')

const database = steppedDatabase(real.database)
const service: Service = {
  ...real,
  database,
  keyManager: steppedManager(manager),
  keyLocks: createKeyLocks(database, real.presence),
}

const actor = {
  userId: 'u',
  userName: null,
  projectId: 'producer',
  projectNames: [],
  roles: expandRoles(['member']),
}
const cause = { projectId: 'producer', userId: 'u', requestId: null, at: Date.now() }
const pair = { images: [image], projects: ['consumer'], byName: false, atomic: false, dryRun: false }
const terms = plainTerms(cause)

const works: Record<string, () => Promise<unknown>> = {
  share: () =>
    runBatch(service, actor, cause, {
      action: 'share',
      ...pair,
      terms,
      grantsBy: { projectId: 'producer', token: null },
    }),
  withdraw: async () => {
    await runBatch(service, actor, cause, { action: 'unshare', ...pair, terms, grantsBy: null })
    const worker = await startKeyWork(service, [])
    await worker.stop()
  },
  rotate: async () => {
    await rotateKey(service, 'producer', cause, key)
    const worker = await startKeyWork(service, [finishKeys, resumeRotations])
    await worker.stop()
  },
}

await works[work]?.()
process.stdout.write(`${steps} steps\n`)
await close()
