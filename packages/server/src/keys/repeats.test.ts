import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Cause } from '../events/events.ts'
import type { KeyUseRecord } from './key-events.ts'
import { createKeyRepeats } from './repeats.ts'

describe('repeated uses of a key', () => {
  const cause: Cause = { projectId: 'p', userId: 'u', requestId: null, at: 0 }
  const open: KeyUseRecord = { type: 'key.open', key: { id: 'k', projectId: 'o' }, imageId: 'i', outcome: 'done' }

  it('are those of one user to one image with one end, within a minute', () => {
    const clock = { at: 1000 }
    const repeats = createKeyRepeats(() => clock.at)
    assert.equal(repeats.isRepeat(cause, open), false)
    clock.at += 59_999
    assert.equal(repeats.isRepeat(cause, open), true)
    const others: [cause: Cause, use: KeyUseRecord][] = [
      [{ ...cause, userId: 'v' }, open],
      [{ ...cause, projectId: 'q' }, open],
      [cause, { ...open, imageId: 'j' }],
      [cause, { ...open, outcome: 'refused' }],
      [cause, { ...open, outcome: 'failed' }],
      [cause, { ...open, key: { id: 'l', projectId: 'o' } }],
    ]
    for (const other of others) assert.equal(repeats.isRepeat(...other), false)
    clock.at += 1
    assert.equal(repeats.isRepeat(cause, open), false)
    assert.equal(repeats.isRepeat(cause, open), true)
  })

  it('are never what changes something or hands out a key', () => {
    const repeats = createKeyRepeats(() => 0)
    for (const type of ['key.unwrap', 'key.data_key', 'key.grant', 'key.seal', 'key.prove'] as const) {
      for (let turn = 0; turn < 2; turn++) assert.equal(repeats.isRepeat(cause, { ...open, type }), false, type)
    }
  })

  it('are those who are refused and ask on: nobody fills the log of another', () => {
    const repeats = createKeyRepeats(() => 0)
    const refused: KeyUseRecord = { ...open, type: 'key.prove', outcome: 'refused' }
    assert.equal(repeats.isRepeat(cause, refused), false)
    assert.equal(repeats.isRepeat(cause, refused), true)
  })
})
