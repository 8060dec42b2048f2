import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { KeyError } from './port.ts'
import { keyBytes, unwrapWith, wrapWith } from './wrapping.ts'

const isDamaged = (error: unknown): boolean => error instanceof KeyError && error.reason === 'damaged'

describe('wrapping a key with a key', () => {
  const material = randomBytes(keyBytes)
  const secret = randomBytes(keyBytes)

  it('gives back what was wrapped', () => {
    assert.deepEqual(Buffer.from(unwrapWith(material, wrapWith(material, secret, 'image 1'), 'image 1')), secret)
  })

  it('never wraps twice alike', () => {
    assert.notDeepEqual(wrapWith(material, secret, ''), wrapWith(material, secret, ''))
  })

  it('opens with the same material and for the same purpose only', () => {
    const wrapped = wrapWith(material, secret, 'image 1')
    assert.throws(() => unwrapWith(randomBytes(keyBytes), wrapped, 'image 1'), isDamaged)
    assert.throws(() => unwrapWith(material, wrapped, 'image 2'), isDamaged)
  })

  it('tells of every changed, missing and added byte', () => {
    const wrapped = wrapWith(material, secret, 'image 1')
    for (let at = 0; at < wrapped.byteLength; at++) {
      const changed = Uint8Array.from(wrapped, (byte, index) => (index === at ? byte ^ 1 : byte))
      assert.throws(() => unwrapWith(material, changed, 'image 1'), isDamaged, `byte ${at}`)
      assert.throws(() => unwrapWith(material, wrapped.subarray(0, at), 'image 1'), isDamaged, `cut at ${at}`)
    }
    assert.throws(() => unwrapWith(material, Buffer.concat([wrapped, Buffer.of(0)]), 'image 1'), isDamaged)
  })
})
