import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driveSettings, runQemu } from './qemu.ts'

const url = (address: string): URL => new URL(address)
const drive = { driver: 'raw', isDisc: false, url: url('http://127.0.0.1/') }
const signal = new AbortController().signal

test('a drive is written in the words of QEMU, with its format, and without backing files', () => {
  assert.equal(
    driveSettings({ driver: 'qcow2', isDisc: false, url: url('https://cloud.example:9292/links/secret/a.qcow2') }),
    `[drive]
  file = "json:{'driver':'qcow2','backing':null,'file':{'driver':'https','url':'https://cloud.example:9292/links/secret/a.qcow2'}}"
  if = "virtio"
  snapshot = "on"
`,
  )
  const disc = driveSettings({ driver: 'raw', isDisc: true, url: url('http://cloud.example/a.iso') })
  assert.match(disc, /'driver':'raw'/)
  assert.match(disc, /\n {2}media = "cdrom"\n {2}readonly = "on"\n$/)
})

test('nothing in an address leads out of its place', () => {
  const nasty = `http://cloud.example/a'b"c\\d\n[device]\ne?f'g"h\\i`
  const [, file = '', ...rest] = driveSettings({ ...drive, url: url(nasty) }).split('\n')
  assert.match(file, /^ {2}file = "json:\{[^"\\]*\}"$/)
  assert.equal(file.split("'").length, 1 + 2 * 8)
  assert.deepEqual(rest, ['  if = "virtio"', '  snapshot = "on"', ''])
  const long = { ...drive, url: url(`http://cloud.example/${'a'.repeat(2000)}`) }
  assert.throws(() => driveSettings(long), /too long for QEMU/)
})

test('a program that is missing is told with what to install', async () => {
  await assert.rejects(runQemu('qemu-that-is-not-there', [], drive, signal), {
    message: 'There is no qemu-that-is-not-there on this machine.',
    next: 'On Debian and Ubuntu: apt install qemu-system-x86 qemu-block-extra',
  })
})
