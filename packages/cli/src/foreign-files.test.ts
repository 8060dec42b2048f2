import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { foreignFilesHeadBytes, foreignFilesOf } from './foreign-files.ts'

const qcow2 = ({ version = 3, backingAt = 0n, incompatible = 0n }): Buffer => {
  const head = Buffer.alloc(foreignFilesHeadBytes)
  head.write('QFI\xfb', 'latin1')
  head.writeUInt32BE(version, 4)
  head.writeBigUInt64BE(backingAt, 8)
  head.writeBigUInt64BE(incompatible, 72)
  return head
}

const vmdk = (magic: string, capacity: bigint): Buffer => {
  const head = Buffer.alloc(foreignFilesHeadBytes)
  head.write(magic, 'latin1')
  head.writeBigUInt64LE(capacity, 12)
  return head
}

test('a qcow2 that names files is told from one that stands alone', () => {
  assert.equal(foreignFilesOf('qcow2', qcow2({})), undefined)
  assert.equal(foreignFilesOf('qcow2', qcow2({ backingAt: 600n })), 'a backing file')
  assert.equal(foreignFilesOf('qcow2', qcow2({ version: 2, backingAt: 600n })), 'a backing file')
  assert.equal(foreignFilesOf('qcow2', qcow2({ incompatible: 0b101n })), 'an external data file')
  assert.equal(foreignFilesOf('qcow2', qcow2({ incompatible: 0b1_1011n })), undefined)
  // Version 2 ends before the features; what stands there is something else.
  assert.equal(foreignFilesOf('qcow2', qcow2({ version: 2, incompatible: 0b100n })), undefined)
})

test('a vmdk that is a list of files is told from one that is a disk', () => {
  assert.equal(foreignFilesOf('vmdk', vmdk('KDMV', 8n)), undefined)
  assert.equal(foreignFilesOf('vmdk', vmdk('COWD', 0n)), undefined)
  assert.equal(foreignFilesOf('vmdk', vmdk('KDMV', 0n)), 'the files of its extents')
  assert.equal(foreignFilesOf('vmdk', Buffer.from('# Disk DescriptorFile\n')), 'the files of its extents')
})

test('what is cut off, and what names no files, is left to QEMU', () => {
  assert.equal(foreignFilesOf('qcow2', qcow2({ backingAt: 600n }).subarray(0, 40)), undefined)
  assert.equal(foreignFilesOf('qcow2', Buffer.alloc(0)), undefined)
  assert.equal(foreignFilesOf('raw', qcow2({ backingAt: 600n })), undefined)
})
