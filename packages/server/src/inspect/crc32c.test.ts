import assert from 'node:assert/strict'
import { it } from 'node:test'
import { crc32c } from './crc32c.ts'

it('the sum that is in the standard', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe306_9283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a91_36aa)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})
