import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import type { KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import { eachDatabase } from '../testing/databases.ts'
import { createKeyLocks } from './lock.ts'
import { KeyError, type KeyManager } from './port.ts'
import { createKeyRepeats } from './repeats.ts'
import { type KeyedImage, type KeyParts, keyFindingsOf, keyStatesOf } from './states.ts'

const at = 1_700_000_000_000

const row = (id: string, changes: Partial<KeysTable> = {}): KeysTable => ({
  id,
  project_id: 'owner',
  name: null,
  status: 'enabled',
  is_default: 0,
  grantable: 1,
  adopted: 0,
  version: 1,
  created_at: at,
  updated_at: at,
  ...changes,
})

const image = (id: string, key: string | null, changes: Partial<KeyedImage> = {}): KeyedImage => ({
  id,
  owner: 'owner',
  encryption: 'client',
  key_id: key,
  ...changes,
})

const plain = image('plain', null, { encryption: null })

/** A manager of which only the proof is asked. */
const managerWith = (prove: KeyManager['prove']): KeyManager => ({
  kind: 'embedded',
  find: async () => false,
  make: async () => undefined,
  remove: async () => undefined,
  destroy: async () => undefined,
  wrap: async () => new Uint8Array(),
  unwrap: async () => new Uint8Array(32),
  prove,
  grant: async () => undefined,
  revoke: async () => undefined,
  check: async () => undefined,
  close: async () => undefined,
})

const fails = (reason: KeyError['reason']) => async (): Promise<void> => {
  throw new KeyError(reason, reason)
}

eachDatabase('states of keys', ({ open }) => {
  const start = async (
    prove: KeyManager['prove'] | undefined,
    keys: readonly KeysTable[] = [row('key')],
  ): Promise<{ parts: KeyParts; database: Database; logged: unknown[] }> => {
    const database = await open()
    await database.write(async (tx) => {
      if (keys.length > 0) await tx.insertInto('keys').values(keys).execute()
    })
    const logged: unknown[] = []
    const presence = { processId: 'this', look: async () => undefined, leave: async () => undefined }
    const parts: KeyParts = {
      database,
      keyManager: prove === undefined ? undefined : managerWith(prove),
      keyLocks: createKeyLocks(database, presence),
      presence,
      keyRepeats: createKeyRepeats(() => 0),
      now: () => at,
      log: { error: (...said: unknown[]) => void logged.push(said) },
    }
    return { parts, database, logged }
  }
  const finding = async (parts: KeyParts, asked: KeyedImage) => {
    const [found] = await keyFindingsOf(parts, [{ image: asked, projectId: 'friend' }])
    return `${found?.state} ${found?.trouble}`
  }

  it('are found by using the key, as the project that asks', async () => {
    const { parts } = await start(async ({ id, projectId, version }, holder) => {
      assert.deepEqual({ id, projectId, version }, { id: 'key', projectId: 'owner', version: 1 })
      assert.equal(holder.token, null)
      if (holder.projectId !== 'friend') throw new KeyError('refused', 'no')
    })
    const states = await keyStatesOf(parts, [
      { image: image('a', 'key'), projectId: 'friend' },
      { image: plain, projectId: 'friend' },
      { image: image('a', 'key'), projectId: 'stranger' },
    ])
    assert.deepEqual(states, ['granted', 'not_needed', 'missing'])
  })

  it('tell what is wrong', async () => {
    const refused = await start(fails('refused'), [
      row('key'),
      row('never', { grantable: 0 }),
      row('off', { status: 'disabled' }),
      row('taken'),
    ])
    const grant: KeyGrantsTable = {
      key_id: 'taken',
      project_id: 'friend',
      state: 'revoked',
      standing: 0,
      granted_by: null,
      due: 0,
      created_at: at,
    }
    await refused.database.write((tx) => tx.insertInto('key_grants').values(grant).execute())
    const of = (key: string | null, changes: Partial<KeyedImage> = {}) =>
      finding(refused.parts, image('i', key, changes))
    assert.equal(await of('key'), 'missing not_granted')
    assert.equal(await of('never'), 'missing never_granted')
    assert.equal(await of('off'), 'revoked disabled')
    assert.equal(await of('taken'), 'revoked not_granted')
    assert.equal(await of('none'), 'missing unknown_key')
    assert.equal(await of(null), 'missing unknown_key')
    // Whoever marks an image with the key of another learns nothing of it.
    assert.equal(await of('key', { owner: 'thief' }), 'missing unknown_key')

    const damaged = await start(fails('damaged'))
    assert.equal(await finding(damaged.parts, image('i', 'key')), 'missing damaged')
    assert.equal(damaged.logged.length, 1)
    const lost = await start(fails('missing'))
    assert.equal(await finding(lost.parts, image('i', 'key')), 'missing unknown_key')
    const away = await start(fails('unavailable'))
    assert.equal(await finding(away.parts, image('i', 'key')), 'unknown no_answer')
  })

  it('need nobody without a key manager, but for what the service sealed itself', async () => {
    const { parts } = await start(undefined)
    assert.equal(await finding(parts, image('i', 'key')), 'not_needed null')
    assert.equal(await finding(parts, plain), 'not_needed null')
    assert.equal(await finding(parts, image('i', 'key', { encryption: 'sealed' })), 'unknown no_manager')
  })

  it('write nothing into the log of a key, unless somebody asks for it by name', async () => {
    const { parts, database } = await start(async () => undefined)
    const events = async () => {
      const rows = await database.read.selectFrom('key_events').select(['type', 'image_id', 'grantee_id']).execute()
      return rows.map((event) => `${event.type} ${event.image_id} ${event.grantee_id}`)
    }
    const question = { image: image('i', 'key'), projectId: 'friend' }
    await keyFindingsOf(parts, [question])
    assert.deepEqual(await events(), [])
    const cause = { projectId: 'owner', userId: 'u', requestId: null, at }
    await keyFindingsOf(parts, [question], { cause })
    assert.deepEqual(await events(), ['key.prove i friend'])
  })

  it('ask once for the same, and few things at a time', async () => {
    let calls = 0
    let underWay = 0
    let most = 0
    const { parts } = await start(
      async () => {
        calls += 1
        underWay += 1
        most = Math.max(most, underWay)
        await sleep(1)
        underWay -= 1
      },
      Array.from({ length: 30 }, (_, index) => row(`key-${index}`)),
    )
    const questions = Array.from({ length: 90 }, (_, index) => ({
      image: image(`image-${index}`, `key-${index % 30}`),
      projectId: 'friend',
    }))
    const states = await keyStatesOf(parts, questions)
    assert.ok(states.length === 90 && states.every((state) => state === 'granted'))
    assert.equal(calls, 30)
    assert.ok(most <= 8)
  })

  it('are not waited for when the manager hangs, and not asked for again when it is away', async () => {
    const hanging = await start(
      ({ id }) => (id === 'key' ? Promise.resolve() : new Promise(() => undefined)),
      [row('key'), row('slow')],
    )
    const questions = ['slow', 'key'].map((key) => ({ image: image(key, key), projectId: 'friend' }))
    const begun = performance.now()
    const found = await keyFindingsOf(hanging.parts, questions, { limitMs: 100 })
    assert.ok(performance.now() - begun < 1000)
    assert.deepEqual(
      found.map(({ state }) => state),
      ['unknown', 'granted'],
    )

    let calls = 0
    const away = await start(
      async () => {
        calls += 1
        throw new KeyError('unavailable', 'away')
      },
      Array.from({ length: 50 }, (_, index) => row(`key-${index}`)),
    )
    const many = Array.from({ length: 50 }, (_, index) => ({
      image: image(`image-${index}`, `key-${index}`),
      projectId: 'friend',
    }))
    const states = await keyStatesOf(away.parts, many)
    assert.ok(states.every((state) => state === 'unknown'))
    assert.ok(calls <= 8, String(calls))
  })

  it('are an error when the database fails', async () => {
    const { parts } = await start(async () => {
      throw new TypeError('the database is gone')
    })
    await assert.rejects(finding(parts, image('i', 'key')), TypeError)
  })
})
