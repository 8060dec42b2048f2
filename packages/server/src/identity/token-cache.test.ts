import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import { testClock } from './testing.ts'
import { createTokenCache, type Validated } from './token-cache.ts'

const call = { method: 'GET', path: '/v2/images' }
const actor: Actor = { userId: 'u', userName: null, projectNames: [], projectId: 'p', roles: new Set(['reader']) }

const setUp = () => {
  const clock = testClock()
  let looks = 0
  const validated = (changes: Partial<Validated> = {}): Validated => ({
    actor,
    accessRules: null,
    expiresAt: clock.now() + 3_600_000,
    ...changes,
  })
  const look =
    (changes: Partial<Validated> = {}) =>
    async () => {
      looks += 1
      return validated(changes)
    }
  return { clock, cache: createTokenCache(clock.now, 5000), look, validated, looks: () => looks }
}

test('a token is looked up once while the finding is fresh', async () => {
  const { clock, cache, look, looks } = setUp()
  assert.equal(await cache.actor('a', call, look()), actor)
  clock.advance(4999)
  assert.equal(await cache.actor('a', call, look()), actor)
  assert.equal(looks(), 1)
  clock.advance(1)
  await cache.actor('a', call, look())
  assert.equal(looks(), 2)
})

test('a finding never outlasts the token', async () => {
  const { clock, cache, look, looks } = setUp()
  await cache.actor('a', call, look({ expiresAt: clock.now() + 1000 }))
  clock.advance(1000)
  await cache.actor('a', call, look())
  assert.equal(looks(), 2)
})

test('callers at the same time share one look-up', async () => {
  const { cache, look, looks } = setUp()
  await Promise.all(Array.from({ length: 10 }, () => cache.actor('a', call, look())))
  assert.equal(looks(), 1)
})

test('what a look-up finds that began before a change is not kept after it', async () => {
  const { cache, look, looks, validated } = setUp()
  const begun = Promise.withResolvers<Validated>()
  const first = cache.actor('a', call, () => begun.promise)
  cache.clear()
  begun.resolve(validated())
  await first
  await cache.actor('a', call, look())
  assert.equal(looks(), 1, 'the token was looked up again')
})

test('a refusal is not kept', async () => {
  const { cache, look } = setUp()
  const refuse = async () => {
    throw apiError('token_invalid', {})
  }
  await assert.rejects(cache.actor('a', call, refuse), { code: 'token_invalid' })
  assert.equal(await cache.actor('a', call, look()), actor)
})

test('access rules are asked at every call, also when the token is known', async () => {
  const { cache, look, looks } = setUp()
  const limited = look({ accessRules: [{ service: 'image', method: 'GET', path: '/v2/images' }] })
  assert.equal(await cache.actor('a', call, limited), actor)
  assert.equal(await cache.actor('a', call, limited), actor)
  await assert.rejects(cache.actor('a', { ...call, method: 'POST' }, limited), { code: 'token_invalid' })
  assert.equal(looks(), 1)
})

test('the number of remembered tokens is bounded', async () => {
  const { cache, look, looks } = setUp()
  for (let token = 0; token < 10_001; token += 1) await cache.actor(`${token}`, call, look())
  await cache.actor('10000', call, look())
  assert.equal(looks(), 10_001)
  await cache.actor('0', call, look())
  assert.equal(looks(), 10_002, 'the oldest was forgotten')
})

test('tokens that are not valid push no valid one out, however many are sent', async () => {
  const { cache, look, looks } = setUp()
  await cache.actor('a', call, look())
  const refuse = () => Promise.reject(apiError('token_invalid', {}))
  for (let batch = 0; batch < 12; batch += 1) {
    const sent = Array.from({ length: 1000 }, (_, token) => cache.actor(`bad ${batch} ${token}`, call, refuse))
    await Promise.allSettled(sent)
  }
  const unanswered = new Promise<Validated>(() => undefined)
  for (let token = 0; token < 12_000; token += 1) void cache.actor(`slow ${token}`, call, () => unanswered)
  await cache.actor('a', call, look())
  assert.equal(looks(), 1, 'the valid one is still known')
})

test('a token is looked up and remembered also while more look-ups are under way than can be shared', async () => {
  const { cache, look, looks } = setUp()
  const unanswered = new Promise<Validated>(() => undefined)
  for (let token = 0; token < 2000; token += 1) void cache.actor(`slow ${token}`, call, () => unanswered)
  await Promise.all([cache.actor('a', call, look()), cache.actor('a', call, look())])
  assert.equal(looks(), 2, 'nobody waits for what is not noted')
  await cache.actor('a', call, look())
  assert.equal(looks(), 2)
})

test('a look-up is joined only as long as what it finds would be fresh', async () => {
  const { clock, cache, look, looks, validated } = setUp()
  const begun = Promise.withResolvers<Validated>()
  const first = cache.actor('a', call, () => begun.promise)
  clock.advance(5000)
  assert.equal(await cache.actor('a', call, look()), actor)
  assert.equal(looks(), 1)
  begun.resolve(validated())
  await first
  await cache.actor('a', call, look())
  assert.equal(looks(), 1, 'and what it finds late replaces nothing')
})
