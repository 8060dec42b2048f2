import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../api-error.ts'
import { createSecretHasher } from './secret-hash.ts'
import { testHashCost } from './testing.ts'

test('a secret is recognised by its hash and no other is', async () => {
  const hasher = createSecretHasher(testHashCost)
  const stored = await hasher.hash('correct horse', 'a')
  assert.equal(await hasher.verify('correct horse', stored, 'a'), true)
  assert.equal(await hasher.verify('correct horsf', stored, 'a'), false)
  assert.equal(await hasher.verify('', stored, 'a'), false)
  assert.ok(!stored.includes('correct'))
  assert.notEqual(await hasher.hash('correct horse', 'a'), stored, 'each hash has a salt of its own')
})

test('one password typed on different keyboards is one password', async () => {
  const hasher = createSecretHasher(testHashCost)
  assert.equal(await hasher.verify('Zu\u0308rich', await hasher.hash('Z\u00fcrich', 'a'), 'a'), true)
})

test('the parameters are kept with the hash, so that they can be raised', async () => {
  const stored = await createSecretHasher(testHashCost).hash('secret', 'a')
  assert.match(stored, /^scrypt\$16\$1\$1\$/)
  const stronger = createSecretHasher({ n: 32, r: 2, p: 1 })
  assert.equal(await stronger.verify('secret', stored, 'a'), true)
  assert.match(await stronger.hash('secret', 'a'), /^scrypt\$32\$2\$1\$/)
})

test('by default one guess costs what OWASP asks for', async () => {
  assert.match(await createSecretHasher().hash('secret', 'a'), /^scrypt\$16384\$8\$5\$/)
})

test('OSSA-2021-003: without an account a guess takes as long and fails', async () => {
  const hasher = createSecretHasher({ n: 2 ** 13, r: 8, p: 1 })
  const stored = await hasher.hash('secret', 'a')
  const timed = async (hash: string | null) => {
    const times: number[] = []
    for (let time = 0; time < 7; time += 1) {
      const started = performance.now()
      assert.equal(await hasher.verify('guess', hash, 'a'), false)
      times.push(performance.now() - started)
    }
    return times.sort((a, b) => a - b)[3] ?? 0
  }
  const withAccount = await timed(stored)
  const without = await timed(null)
  assert.ok(without > withAccount / 3 && without < withAccount * 3, `${without} ms against ${withAccount} ms`)
})

test('callers take turns, and none can fill the queue', async () => {
  const hasher = createSecretHasher({ n: 2 ** 10, r: 8, p: 1 })
  const finished: string[] = []
  const guess = (caller: string) => hasher.verify('guess', null, caller).then(() => void finished.push(caller))
  const many = Array.from({ length: 20 }, () => guess('many'))
  await guess('one')
  assert.ok(finished.length < 10, `the single guess waited for ${finished.length} others`)
  await Promise.all(many)

  const flood = await Promise.allSettled(Array.from({ length: 100 }, () => guess('flood')))
  const refused = flood.filter((result) => result.status === 'rejected')
  assert.ok(refused.length >= 60, `${refused.length} were refused`)
  for (const { reason } of refused) assert.ok(reason instanceof ApiError && reason.code === 'identity_busy')
})

test('whoever sets many secrets takes no place of another', async () => {
  const hasher = createSecretHasher({ n: 2 ** 10, r: 8, p: 1 })
  const flood = Promise.allSettled(Array.from({ length: 60 }, () => hasher.hash('secret', 'flood')))
  assert.match(await hasher.hash('secret', 'one'), /^scrypt\$/)
  const refused = (await flood).filter((result) => result.status === 'rejected')
  assert.ok(refused.length >= 20, `${refused.length} were refused`)
})

test('whoever must wait is turned away when the turn comes, without a hash', async () => {
  const hasher = createSecretHasher(testHashCost)
  const admit = () => {
    throw new Error('wait')
  }
  await assert.rejects(hasher.verify('guess', null, 'a', admit), /wait/)
})
