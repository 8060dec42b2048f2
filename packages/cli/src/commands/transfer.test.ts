import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileNameOf } from './image-download.ts'
import { guessDiskFormat } from './upload-source.ts'

const id = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const nameOf = (name: string | null, diskFormat: string | null = 'raw') => fileNameOf({ id, name, diskFormat })

test('a file is named like the image, without anything that leads elsewhere', () => {
  assert.equal(nameOf('debian-13'), 'debian-13.raw')
  assert.equal(nameOf('debian 13 (lts)', 'qcow2'), 'debian_13_lts_.qcow2')
  assert.equal(nameOf('disk.RAW'), 'disk.RAW')
  assert.equal(nameOf('../../.ssh/authorized_keys'), 'ssh_authorized_keys.raw')
  assert.equal(nameOf('/etc/passwd', null), 'etc_passwd')
  assert.equal(nameOf('-rf'), 'rf.raw')
  assert.equal(nameOf('..'), `${id}.raw`)
  assert.equal(nameOf(''), `${id}.raw`)
  assert.equal(nameOf(null, '../x'), `${id}.x`)
  assert.equal(nameOf('x'.repeat(300), null).length, 100)
})

test('an extension tells the disk format only where it means one', () => {
  assert.equal(guessDiskFormat('a/b.qcow2'), 'qcow2')
  assert.equal(guessDiskFormat('B.ISO'), 'iso')
  for (const path of ['disk.img', 'disk', 'disk.toString', '.raw.', '-']) {
    assert.equal(guessDiskFormat(path), undefined, path)
  }
})
