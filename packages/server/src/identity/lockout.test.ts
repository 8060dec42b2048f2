import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../api-error.ts'
import { createLockout, type LockoutLimits } from './lockout.ts'
import { testClock } from './testing.ts'

const setUp = (limits: Partial<LockoutLimits> = {}) => {
  const clock = testClock()
  const lockout = createLockout(clock.now, limits)
  const waits = (account: string, address: string): number => {
    try {
      lockout.admit({ account, address })
      return 0
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'too_many_attempts') throw error
      return Number(error.headers['retry-after'])
    }
  }
  const fail = (account: string, address: string, times = 1) => {
    for (let time = 0; time < times; time += 1) lockout.failed({ account, address })
  }
  return { clock, lockout, waits, fail }
}

test('the first failures are free, then the wait doubles up to its longest', () => {
  const { clock, waits, fail } = setUp()
  fail('a', '10.0.0.1', 4)
  assert.equal(waits('a', '10.0.0.1'), 0)
  const seen: number[] = []
  for (let time = 0; time < 9; time += 1) {
    fail('a', '10.0.0.1')
    seen.push(waits('a', '10.0.0.1'))
    clock.advance(60_000)
  }
  assert.deepEqual(seen, [1, 2, 4, 8, 16, 32, 60, 60, 60])
  assert.equal(waits('a', '10.0.0.1'), 0, 'the wait ends by itself')
})

test('success ends the count of that account there', () => {
  const { lockout, waits, fail } = setUp()
  fail('a', '10.0.0.1', 4)
  lockout.succeeded({ account: 'a', address: '10.0.0.1' })
  fail('a', '10.0.0.1', 4)
  assert.equal(waits('a', '10.0.0.1'), 0)
})

test('many accounts from one address are slowed down together', () => {
  const { waits, fail } = setUp({ failuresPerAddress: 10 })
  for (let account = 0; account < 10; account += 1) fail(`user ${account}`, '10.0.0.1')
  assert.ok(waits('another', '10.0.0.1') > 0)
  assert.equal(waits('another', '10.0.0.2'), 0)
})

test('addresses of one IPv6 network count as one', () => {
  const { waits, fail } = setUp()
  for (const last of ['1', '2', '3', '4', '5']) fail('a', `2001:db8:0:7::${last}`)
  assert.ok(waits('a', '2001:db8:0:7:ffff::1') > 0)
  assert.equal(waits('a', '2001:db8:0:8::1'), 0)
})

test('one account from many addresses is slowed down, but not where it is at home', () => {
  const { lockout, waits, fail } = setUp({ failuresPerAccount: 20 })
  lockout.succeeded({ account: 'a', address: '192.0.2.1' })
  for (let address = 0; address < 20; address += 1) fail('a', `10.0.0.${address}`)
  assert.ok(waits('a', '10.0.1.1') > 0)
  assert.equal(waits('a', '192.0.2.1'), 0)
  assert.equal(waits('b', '10.0.1.1'), 0)
})

test('a neighbour at the address of a user can make the account wait there, no longer than said and nowhere else', () => {
  const { clock, lockout, waits, fail } = setUp({ failuresPerAccount: 20 })
  const [shared, home] = ['192.0.2.1', '192.0.2.2']
  for (const address of [shared, home]) lockout.succeeded({ account: 'a', address })
  fail('a', shared, 100)
  assert.equal(waits('a', shared), 60)
  assert.equal(waits('a', home), 0)
  assert.equal(waits('a', '10.0.0.1'), 0, 'these guesses do not count elsewhere')
  assert.equal(waits('b', shared), 0, 'others who share the address do not wait')
  clock.advance(60_000)
  assert.equal(waits('a', shared), 0)
  lockout.succeeded({ account: 'a', address: shared })
  fail('a', shared, 4)
  assert.equal(waits('a', shared), 0, 'the right password ended the count')
})

test('failures are forgotten after a while', () => {
  const { clock, waits, fail } = setUp()
  fail('a', '10.0.0.1', 4)
  clock.advance(16 * 60_000)
  fail('a', '10.0.0.1')
  assert.equal(waits('a', '10.0.0.1'), 0)
})

test('what is kept is bounded, and the counters in use stay', () => {
  const { waits, fail } = setUp({ countersMax: 100, failuresPerAddress: 1e9, failuresPerAccount: 1e9 })
  fail('a', '10.0.0.1', 5)
  for (let account = 0; account < 20; account += 1) fail(`user ${account}`, `10.1.0.${account}`)
  assert.ok(waits('a', '10.0.0.1') > 0)
  for (let account = 0; account < 100; account += 1) fail(`user ${account}`, `10.2.0.${account}`)
  assert.equal(waits('a', '10.0.0.1'), 0)
})
