import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSlotPool } from './slots.ts'

const never = new AbortController().signal

describe('slots of shared memory', () => {
  it('are distinct, of one size, and last used first', async () => {
    const pool = createSlotPool(3, 100)
    const [first, second] = [await pool.take(never), await pool.take(never)]
    first.bytes.fill(1)
    second.bytes.fill(2)
    assert.equal(first.bytes.length, 100)
    assert.ok(first.bytes.every((byte) => byte === 1))
    pool.give(first)
    assert.equal(await pool.take(never), first)
  })

  it('go to those who wait in the order of their coming', async () => {
    const pool = createSlotPool(1, 100)
    const slot = await pool.take(never)
    const order: number[] = []
    const waiting = [1, 2, 3].map(async (turn) => {
      const mine = await pool.take(never)
      order.push(turn)
      pool.give(mine)
    })
    pool.give(slot)
    await Promise.all(waiting)
    assert.deepEqual(order, [1, 2, 3])
  })

  it('are not given to someone who has gone', async () => {
    const pool = createSlotPool(1, 100)
    const slot = await pool.take(never)
    const leaving = new AbortController()
    const left = pool.take(leaving.signal)
    const stayed = pool.take(never)
    leaving.abort(new Error('gone'))
    await assert.rejects(left, /gone/)
    await assert.rejects(pool.take(leaving.signal), /gone/)
    pool.give(slot)
    assert.equal(await stayed, slot)
  })
})
