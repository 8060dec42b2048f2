import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diskFormats } from '@vitrine/contract'
import fc from 'fast-check'
import type { Finding } from './finding.ts'
import * as made from './handmade.ts'
import { findingOf, verdictOf } from './inspect-whole.ts'

const gib = 2 ** 30
const formatsOf = ({ matches }: Finding): string[] => matches.map(({ format }) => format)

const sound: ReadonlyArray<readonly [string, Buffer, string, number | null]> = [
  ['qcow2 of version 3', made.qcow2(), 'qcow2', gib],
  ['qcow2 of version 2', made.qcow2({ version: 2 }), 'qcow2', gib],
  ['qcow2 with every known feature', made.qcow2({ incompatible: 0b11011n }), 'qcow2', gib],
  ['vmdk, monolithicSparse', made.vmdk(), 'vmdk', 2 ** 20],
  ['vmdk, streamOptimized', made.vmdk({ createType: 'streamOptimized' }), 'vmdk', 2 ** 20],
  ['vmdk with a footer', made.vmdk({ createType: 'streamOptimized', footer: 'same' }), 'vmdk', 2 ** 20],
  ['dynamic vhd', made.vhd(), 'vhd', gib],
  ['fixed vhd', made.vhd({ type: 'fixed' }), 'vhd', 100_000],
  ['vhdx', made.vhdx(), 'vhdx', gib],
  ['dynamic vdi', made.vdi(), 'vdi', gib],
  ['static vdi', made.vdi({ type: 2 }), 'vdi', gib],
  ['iso', made.iso(), 'iso', 300 * 2048],
  ['mbr', made.mbr(), 'mbr', null],
  ['gpt', made.gpt(), 'gpt', null],
  ['luks', made.luks(), 'luks', null],
]

const hostile: ReadonlyArray<readonly [string, Buffer, string, RegExp]> = [
  ['qcow2 with a backing file', made.qcow2({ backingFile: '/etc/passwd' }), 'qcow2', /backing file/],
  ['old qcow2 with a backing file', made.qcow2({ version: 2, backingFile: 'x' }), 'qcow2', /backing file/],
  ['qcow2 with an external data file', made.qcow2({ incompatible: 4n }), 'qcow2', /external data file/],
  ['qcow2 with an unknown feature', made.qcow2({ incompatible: 1n << 5n }), 'qcow2', /not known/],
  ['qcow2 with the last feature bit', made.qcow2({ incompatible: 1n << 63n }), 'qcow2', /not known/],
  ['qcow2 of version 4', made.qcow2({ version: 4 }), 'qcow2', /unknown version 4/],
  ['qcow2 of an impossible size', made.qcow2({ sizeBytes: 1n << 63n }), 'qcow2', /impossible size/],
  ['qcow2 with impossible clusters', made.qcow2({ clusterBits: 40 }), 'qcow2', /damaged/],
  ['qcow2, cut off', made.qcow2().subarray(0, 100), 'qcow2', /cut off/],
  ['qcow of version 1', made.qcow2({ version: 1 }), 'qcow', /version 1/],
  ['vmdk, monolithicFlat', made.vmdk({ createType: 'monolithicFlat' }), 'vmdk', /another type/],
  ['vmdk with a flat extent', made.vmdk({ extent: 'RW 9 FLAT "disk-flat.vmdk" 0' }), 'vmdk', /other files/],
  ['vmdk with a path', made.vmdk({ extent: 'RW 9 SPARSE "/etc/passwd"' }), 'vmdk', /other files/],
  ['vmdk with a relative path', made.vmdk({ extent: 'RW 9 SPARSE "..\\disk.vmdk"' }), 'vmdk', /other files/],
  ['vmdk with a second extent', made.vmdk({ extra: 'RW 9 SPARSE "b.vmdk"' }), 'vmdk', /several extents/],
  ['vmdk with a parent', made.vmdk({ extra: 'parentFileNameHint="/etc/passwd"' }), 'vmdk', /parent/],
  ['vmdk with two types', made.vmdk({ extra: '# createType="custom"' }), 'vmdk', /one type/],
  ['vmdk without a size', made.vmdk({ sectors: 0n }), 'vmdk', /no size/],
  ['vmdk with its descriptor elsewhere', made.vmdk({ descriptorSector: 40n }), 'vmdk', /where it belongs/],
  ['vmdk without a descriptor', made.vmdk({ descriptorSectors: 0n }), 'vmdk', /where it belongs/],
  ['vmdk with an endless descriptor', made.vmdk({ descriptorSectors: 1n << 60n }), 'vmdk', /too long/],
  [
    'vmdk that hides its parent behind a short descriptor',
    made.vmdk({ descriptorSectors: 1n, extra: `${'#'.repeat(600)}\nparentFileNameHint="x"` }),
    'vmdk',
    /parent/,
  ],
  ['vmdk whose footer tells another size', made.vmdk({ footer: 'larger' }), 'vmdk', /contradicts/],
  ['vmdk whose footer is missing', made.vmdk({ footer: 'missing' }), 'vmdk', /end is missing/],
  ['vmdk descriptor alone', Buffer.from('# Disk DescriptorFile\nversion=1\n'), 'vmdk', /without a disk/],
  [
    'vmdk descriptor after other comments',
    Buffer.from('# x\n\nversion=1\nRW 1 FLAT "/x" 0\n'),
    'vmdk',
    /without a disk/,
  ],
  ['vmdk of ESX 2', Buffer.concat([Buffer.from('COWD'), Buffer.alloc(4096)]), 'vmdk', /old type/],
  ['differencing vhd', made.vhd({ type: 'differencing' }), 'vhd', /parent disk/],
  ['damaged vhd', made.vhd({ damaged: true }), 'vhd', /damaged/],
  ['vhd that tells two sizes', made.vhd({ footerSizeBytes: 5n }), 'vhd', /contradicts/],
  ['fixed vhd that lies about its size', made.vhd({ type: 'fixed', sizeBytes: 1n << 40n }), 'vhd', /shorter/],
  ['vhd, cut off', made.vhd().subarray(0, 300), 'vhd', /cut off/],
  ['vhdx with a parent', made.vhdx({ hasParent: true }), 'vhdx', /parent disk/],
  ['vhdx with a parent locator', made.vhdx({ parentLocator: true }), 'vhdx', /parent disk/],
  ['vhdx with a log', made.vhdx({ logPending: true }), 'vhdx', /log/],
  ['vhdx with an unknown region', made.vhdx({ unknownRegion: true }), 'vhdx', /not known/],
  ['vhdx whose tables point back', made.vhdx({ metadataAt: 1000 }), 'vhdx', /damaged/],
  ['vhdx whose tables point out of it', made.vhdx({ metadataAt: 2 ** 40 }), 'vhdx', /damaged/],
  ['vhdx, cut off', made.vhdx().subarray(0, 2 ** 20), 'vhdx', /damaged/],
  ['vhdx, cut off before its size', made.vhdx().subarray(0, 2 ** 20 + 65_536 + 4), 'vhdx', /end is missing/],
  ['vdi that is a difference', made.vdi({ type: 4 }), 'vdi', /parent/],
  ['vdi with a parent', made.vdi({ parent: true }), 'vdi', /parent/],
  ['vdi, cut off', made.vdi().subarray(0, 100), 'vdi', /cut off/],
  ['iso, cut off', made.iso().subarray(0, 16 * 2048 + 100), 'iso', /cut off/],
  ['qed', made.qed(), 'qed', /not allowed/],
]

describe('what bytes are', () => {
  for (const [title, bytes, format, virtualSizeBytes] of sound) {
    it(title, () => assert.deepEqual(findingOf(bytes).matches, [{ format, virtualSizeBytes, unsafe: null }]))
  }
  for (const [title, bytes, format, why] of hostile) {
    it(`${title}: unsafe`, () => {
      const { matches } = findingOf(bytes)
      assert.deepEqual(
        matches.map((match) => match.format),
        [format],
      )
      assert.match(matches[0]?.unsafe ?? '', why)
    })
  }

  it('plain bytes, text, a kernel, and nothing at all carry no marks', () => {
    const kernel = made.plain()
    kernel.set([0x55, 0xaa], 510)
    const script = Buffer.from('#!/bin/sh\necho version=1\n')
    for (const bytes of [made.plain(), made.plain(1), Buffer.alloc(0), Buffer.alloc(1e5), kernel, script]) {
      assert.deepEqual(findingOf(bytes), { sizeBytes: bytes.length, matches: [], encryptedContent: null })
    }
  })

  it('bytes that can be taken for several things show all of them', () => {
    const both = made.iso()
    both.set(made.qcow2().subarray(0, 512), 0)
    assert.deepEqual(formatsOf(findingOf(both)), ['qcow2', 'iso'])
    const hybrid = made.iso()
    hybrid.set(made.gpt().subarray(0, 1024), 0)
    assert.deepEqual(formatsOf(findingOf(hybrid)), ['iso', 'gpt'])
    assert.deepEqual(formatsOf(findingOf(made.vhd({ type: 'fixed', content: made.mbr() }))), ['mbr', 'vhd'])
  })

  it('a hostile descriptor takes no time', () => {
    const started = performance.now()
    for (const extra of [
      ' '.repeat(60_000),
      `createType=${' '.repeat(60_000)}x`,
      `RW 1 SPARSE "${' '.repeat(60_000)}`,
    ]) {
      findingOf(made.vmdk({ extra, descriptorSectors: 128n }))
    }
    assert.ok(performance.now() - started < 500)
  })
})

describe('the same bytes in any chunks', () => {
  const all = [...sound, ...hostile].map(([, bytes]) => bytes)
  const chunking = fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 300_000 })), {
    minLength: 1,
    maxLength: 6,
  })

  it('give the same finding', () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), chunking, (bytes, sizes) => {
        assert.deepEqual(findingOf(bytes, ...sizes), findingOf(bytes, bytes.length + 1))
      }),
      { numRuns: 200 },
    )
  })

  it('give the same verdict, wherever they are cut off or damaged', () => {
    const damage = fc.array(fc.tuple(fc.oneof(fc.nat(600), fc.nat(1_300_000)), fc.nat(255)), { maxLength: 8 })
    const length = fc.oneof(fc.nat(1000), fc.nat(1_300_000))
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.constantFrom(...diskFormats),
        damage,
        length,
        chunking,
        (original, diskFormat, changes, end, sizes) => {
          const bytes = Buffer.from(original.subarray(0, end))
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
          const whole = verdictOf(bytes, { diskFormat }, bytes.length + 1)
          assert.deepEqual(verdictOf(bytes, { diskFormat }, ...sizes), whole)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never make the inspector fail, random or behind the mark of a format', () => {
    const marks = [
      '',
      'QFI\xfb\0\0\0\x03',
      'KDMV',
      'conectix',
      'vhdxfile',
      'QED\0',
      'LUKS\xba\xbe',
      '# Disk DescriptorFile',
    ]
    const random = fc.tuple(fc.constantFrom(...marks), fc.uint8Array({ maxLength: 4000, size: 'max' }))
    fc.assert(
      fc.property(random, fc.constantFrom(...diskFormats), ([mark, rest], diskFormat) => {
        const bytes = Buffer.concat([Buffer.from(mark, 'latin1'), rest])
        for (const { virtualSizeBytes } of findingOf(bytes).matches) {
          assert.ok(virtualSizeBytes === null || Number.isSafeInteger(virtualSizeBytes))
        }
        verdictOf(bytes, { diskFormat })
      }),
      { numRuns: 300 },
    )
  })
})
