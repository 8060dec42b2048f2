import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { diskFormats } from '@vitrine/contract'
import fc from 'fast-check'
import { createContentCheck } from './check.ts'
import * as made from './handmade.ts'
import { ova, ovf, pax, tarEnd, tarEntry } from './handmade-archive.ts'
import { findingOf, verdictOf } from './inspect-whole.ts'

const vmdk = made.vmdk({ createType: 'streamOptimized', footer: 'same' })
const usual = ova(['disk.ovf', ovf()], ['disk.mf', Buffer.from('SHA256(disk.ovf)= 00\n')], ['disk.vmdk', vmdk])
const passwd = made.vmdk({ extent: 'RW 9 FLAT "/etc/passwd" 0' })
const text = Buffer.from('text')
const nothing = Buffer.alloc(0)
const long = `${'d'.repeat(150)}/disk.vmdk`

const sound: ReadonlyArray<readonly [string, Buffer, number]> = [
  ['an ova as it should be', usual, 3],
  [
    'one of another tool, with a folder',
    ova(['./', nothing, { type: '5' }], ['./disk.ovf', ovf()], ['./disk.vmdk', vmdk]),
    3,
  ],
  ['files of no bytes', ova(['a', nothing], ['b', nothing]), 2],
  ['the oldest form of tar', ova(['disk.vmdk', vmdk, { type: '\0', posix: false }]), 1],
  [
    'a long name, in the way of GNU',
    ova(['././@LongLink', Buffer.from(`${long}\0`), { type: 'L' }], ['short', vmdk]),
    1,
  ],
  ['a long name, in the way of pax', ova(['h', pax({ path: long, mtime: '1.5' }), { type: 'x' }], ['short', vmdk]), 1],
  ['a comment for all files', ova(['g', pax({ comment: 'made by hand' }), { type: 'g' }], ['disk.vmdk', vmdk]), 1],
  ['a size in binary', ova(['a.txt', text, { sizeField: '\x80\0\0\0\0\0\0\0\0\0\0\x04' }]), 1],
  [
    'every sound format',
    ova(['a.qcow2', made.qcow2()], ['a.vhd', made.vhd()], ['a.iso', made.iso()], ['a.img', made.gpt()]),
    4,
  ],
  ['no end marker', Buffer.concat([tarEntry(['a.txt', text])]), 1],
  ['nothing but zeros behind its end', Buffer.concat([usual, Buffer.alloc(9000)]), 3],
  [
    'an OVF with other links',
    ova(['a.ovf', ovf('disk.vmdk', '<!-- see http://x --><ProductUrl href="http://x/"/>')]),
    1,
  ],
]

const hostile: ReadonlyArray<readonly [string, Buffer, RegExp]> = [
  [
    'vmdk with a path',
    ova(['disk.ovf', ovf()], ['disk.vmdk', passwd]),
    /in their file disk.vmdk, .* names other files/,
  ],
  ['qcow2 with a backing file', ova(['a.qcow2', made.qcow2({ backingFile: '/etc/passwd' })]), /backing file/],
  ['the same under no name of a disk', ova(['readme', made.qcow2({ backingFile: '/etc/passwd' })]), /backing file/],
  [
    'a vmdk descriptor with a disk beside it',
    ova(['a.vmdk', Buffer.from('# Disk DescriptorFile\n')], ['b', text]),
    /descriptor/,
  ],
  ['plain bytes that are called vmdk', ova(['a.vmdk', made.plain()]), /no mark/],
  ['qcow2 that is called vmdk', ova(['a.VMDK', made.qcow2()]), /look like qcow2/],
  [
    'a disk of two formats',
    ova(['a.img', Buffer.concat([made.qcow2().subarray(0, 32_768), made.iso().subarray(32_768)])]),
    /qcow2 and for iso/,
  ],
  ['a disk that is cut off', ova(['a.vhdx', made.vhdx().subarray(0, 70_000)]), /damaged/],
  ['the second of two disks', ova(['a.vmdk', vmdk], ['b.vmdk', passwd]), /b.vmdk/],
  [
    'a bad disk behind a long name',
    ova(['h', pax({ path: long }), { type: 'x' }], ['a.txt', passwd]),
    /number 1, .* other files/,
  ],
  ['a link', ova(['disk.vmdk', nothing, { type: '2', link: '/etc/passwd' }]), /a link/],
  ['a hard link', ova(['a', text], ['disk.vmdk', nothing, { type: '1', link: 'a' }]), /a link/],
  ['a device', ova(['disk.vmdk', nothing, { type: '3' }]), /else than a file/],
  ['a pipe', ova(['disk.vmdk', nothing, { type: '6' }]), /else than a file/],
  ['a sparse file, in the way of GNU', ova(['disk.vmdk', vmdk, { type: 'S' }]), /else than a file/],
  [
    'a sparse file, in the way of pax',
    ova(['h', pax({ 'GNU.sparse.major': '1' }), { type: 'x' }], ['a', text]),
    /plain files/,
  ],
  ['a path upwards', ova(['../../etc/cron.d/x', text]), /leads out/],
  ['a path upwards in the middle', ova(['a/../../x', text]), /leads out/],
  ['an absolute path', ova(['/etc/cron.d/x', text]), /leads out/],
  ['a path of Windows', ova(['..\\x', text]), /leads out/],
  ['a drive of Windows', ova(['C:x', text]), /leads out/],
  ['a path upwards in a long name', ova(['h', pax({ path: '../x' }), { type: 'x' }], ['a', text]), /leads out/],
  ['a path upwards in a long name of GNU', ova(['l', Buffer.from('/x\0'), { type: 'L' }], ['a', text]), /leads out/],
  ['a line in a name', ova(['h', pax({ path: 'a\nb' }), { type: 'x' }], ['a', text]), /leads out/],
  ['two files of one name', ova(['disk.vmdk', vmdk], ['./Disk.vmdk', vmdk]), /another file has/],
  ['a size that is written in two ways', ova(['a', text], ['b', text, { sizeField: '4 7\0' }]), /damaged/],
  ['a second size', ova(['h', pax({ size: '1e3' }), { type: 'x' }], ['a', text]), /damaged/],
  ['sizes for all files', ova(['g', pax({ size: '3' }), { type: 'g' }], ['a', text]), /damaged/],
  [
    'two descriptions of one file',
    ova(['h', pax({ path: 'a' }), { type: 'x' }], ['h', pax({ path: 'b' }), { type: 'x' }], ['a', text]),
    /damaged/,
  ],
  ['a description of nothing', ova(['a', text], ['h', pax({ path: 'a' }), { type: 'x' }]), /damaged/],
  ['a description that is too long', ova(['h', Buffer.alloc(70_000), { type: 'x' }], ['a', text]), /damaged/],
  ['a wrong sum further on', ova(['a', text], ['b', text, { damaged: true }]), /damaged/],
  ['a file behind its end', Buffer.concat([usual, tarEntry(['b', passwd])]), /behind its end/],
  [
    'a file behind half of its end',
    Buffer.concat([usual.subarray(0, -512), tarEntry(['b', passwd])]),
    /behind its end/,
  ],
  ['its end missing', usual.subarray(0, usual.length - 2000), /end is missing/],
  [
    'more files than are needed',
    ova(...Array.from({ length: 1001 }, (_, index) => [`f${index}`] as const)),
    /1000 files/,
  ],
  ['an OVF that reads a file of the host', ova(['a.ovf', ovf('file:///etc/passwd')]), /outside of the archive/],
  ['an OVF with a path upwards', ova(['a.ovf', ovf('../../etc/passwd')]), /outside of the archive/],
  ['an OVF with an address', ova(['a.ovf', ovf('http://169.254.169.254/')]), /outside of the archive/],
  ['an OVF with a path in disguise', ova(['a.ovf', ovf('&#x2f;etc/passwd')]), /outside of the archive/],
  ['an OVF in an encoding that hides it', ova(['a.ovf', Buffer.from(ovf().toString(), 'utf16le')]), /UTF-8/],
  ['an OVF that is no XML', ova(['a.ovf', text]), /no XML/],
]

describe('what an archive holds', () => {
  for (const [title, bytes, files] of sound) {
    it(`${title}: accepted`, () => {
      assert.deepEqual(findingOf(bytes).archive, { files, unsafe: null, unsafeContent: null })
      assert.ok(verdictOf(bytes, { diskFormat: 'vmdk', containerFormat: 'ova' }).accepted)
    })
  }

  for (const [title, bytes, why] of hostile) {
    it(`${title}: refused`, () => {
      assert.match(findingOf(bytes).archive?.unsafe ?? '', why)
      const verdict = verdictOf(bytes, { diskFormat: 'vmdk', containerFormat: 'ova' }, 777)
      assert.deepEqual(verdict, { accepted: false, why: findingOf(bytes).archive?.unsafe })
    })
  }

  it('an upload is refused as soon as it shows', () => {
    const check = createContentCheck({
      diskFormat: 'vmdk',
      containerFormat: 'ova',
      enforce: true,
      virtualSizeLimitBytes: -1,
    })
    check.push(tarEntry(['a.vmdk', vmdk]))
    assert.equal(check.refusal(), undefined)
    check.push(tarEntry(['b.vmdk', passwd]))
    assert.match(check.refusal() ?? '', /b.vmdk/)
  })

  const tar = spawnSync('tar', ['--version'], { encoding: 'utf8' })
  const isGnu = tar.status === 0 && tar.stdout.includes('GNU')
  for (const format of ['v7', 'ustar', 'oldgnu', 'gnu', 'posix']) {
    it(`what tar makes in the format ${format}: accepted`, { skip: !isGnu && 'GNU tar is not installed' }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'ova-'))
      try {
        writeFileSync(join(folder, 'disk.ovf'), ovf())
        writeFileSync(join(folder, `disk${'k'.repeat(/gnu|posix/.test(format) ? 92 : 1)}.vmdk`), vmdk)
        const bytes = execFileSync('tar', ['-c', `--format=${format}`, '-C', folder, '.'])
        assert.deepEqual(findingOf(bytes).archive, { files: 3, unsafe: null, unsafeContent: null })
        symlinkSync('/etc/passwd', join(folder, 'b.vmdk'))
        const linked = execFileSync('tar', ['-c', `--format=${format}`, '-C', folder, '.'])
        assert.match(findingOf(linked).archive?.unsafe ?? '', /b.vmdk, there is a link/)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }

  it('what is no tar is no archive', () => {
    const lie = ova(['a', text, { damaged: true }])
    for (const bytes of [nothing, tarEnd, made.plain(), made.qcow2(), usual.subarray(0, 511), lie]) {
      assert.equal(findingOf(bytes).archive, null)
      assert.ok(verdictOf(bytes, { diskFormat: 'vmdk', containerFormat: 'ova' }).accepted)
    }
  })

  it('OSSA-2023-002: a disk that names files of the host is found in the archive of any container, behind whatever', () => {
    const behind = ova(
      ['link', nothing, { type: '2', link: '/etc/passwd' }],
      ['device', nothing, { type: '3' }],
      ['/bin/sh', text],
      ['twice', text],
      ['twice', text],
      ['disk.vmdk', passwd],
    )
    const cutOff = ova(['disk.vmdk', Buffer.concat([passwd, Buffer.alloc(2 ** 20)])]).subarray(0, 2 ** 20)
    for (const bytes of [ova(['disk.vmdk', passwd]), behind, cutOff, ova(['a.ovf', ovf('file:///etc/passwd')])]) {
      for (const containerFormat of ['ovf', 'docker', 'compressed', 'ami'] as const) {
        const verdict = verdictOf(bytes, { diskFormat: 'vmdk', containerFormat }, 777)
        assert.deepEqual(verdict, { accepted: false, why: findingOf(bytes).archive?.unsafeContent })
      }
    }
  })

  it('an archive in another container need be no ova', () => {
    const layers = ova(
      ['etc', nothing, { type: '5' }],
      ['bin/sh', nothing, { type: '2', link: 'busybox' }],
      ['dev/null', nothing, { type: '3' }],
      ['/etc/passwd', text],
      ['a.vmdk', made.plain()],
    )
    const many = ova(...Array.from({ length: 1500 }, (_, index) => [`f${index}`] as const))
    for (const bytes of [layers, many, ova(['a', made.plain()]).subarray(0, 4000), Buffer.concat([usual, text])]) {
      assert.equal(verdictOf(bytes, { diskFormat: 'vmdk', containerFormat: 'ova' }).accepted, false)
      for (const containerFormat of ['ovf', 'docker', 'compressed', 'aki'] as const) {
        assert.ok(verdictOf(bytes, { diskFormat: 'raw', containerFormat }).accepted)
      }
    }
  })

  it('the same in any pieces, wherever it is cut off or damaged', () => {
    const all = [...sound, ...hostile].map(([, bytes]) => bytes)
    const damage = fc.array(fc.tuple(fc.oneof(fc.nat(1600), fc.nat(100_000)), fc.nat(255)), { maxLength: 4 })
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 100_000 })), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        damage,
        fc.nat(100_000),
        sizes,
        fc.constantFrom(...diskFormats),
        fc.constantFrom('ova', 'docker'),
        (original, changes, end, chunking, diskFormat, containerFormat) => {
          const bytes = Buffer.from(original.subarray(0, Math.max(1, end)))
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
          const declared = { diskFormat, containerFormat }
          assert.deepEqual(findingOf(bytes, ...chunking), findingOf(bytes, bytes.length))
          assert.deepEqual(verdictOf(bytes, declared, ...chunking), verdictOf(bytes, declared, bytes.length))
        },
      ),
      { numRuns: 200 },
    )
  })
})
