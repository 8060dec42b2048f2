import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEncryptedContent } from './encrypted-content.ts'

const found = (bytes: Buffer, pieceBytes = bytes.length): 'luks' | null => {
  const content = createEncryptedContent()
  for (let at = 0; at < bytes.length; at += pieceBytes) content.push(bytes.subarray(at, at + pieceBytes))
  return content.found()
}

const qcow2 = (method: number): Buffer => {
  const header = Buffer.alloc(512)
  header.write('QFI\xfb', 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(method, 32)
  return header
}

describe('encrypted content', () => {
  const luks = Buffer.concat([Buffer.from('LUKS\xba\xbe\x00\x02', 'latin1'), Buffer.alloc(600)])

  it('is a raw LUKS disk, and LUKS inside of qcow2', () => {
    assert.equal(found(luks), 'luks')
    assert.equal(found(qcow2(2)), 'luks')
  })

  it('is found however the bytes arrive', () => {
    for (const pieceBytes of [1, 3, 35, 36, 37]) {
      assert.equal(found(luks, pieceBytes), 'luks')
      assert.equal(found(qcow2(2), pieceBytes), 'luks')
    }
  })

  it('is nothing else', () => {
    assert.equal(found(qcow2(0)), null)
    assert.equal(found(Buffer.from('LUKS')), null)
    assert.equal(found(Buffer.alloc(0)), null)
    assert.equal(found(Buffer.alloc(1000)), null)
    assert.equal(found(Buffer.concat([Buffer.alloc(1), luks])), null)
    assert.equal(found(qcow2(2).subarray(0, 35)), null)
  })
})
