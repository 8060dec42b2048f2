import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diskFormats } from '@vitrine/contract'
import fc from 'fast-check'
import type { Finding } from './finding.ts'
import * as made from './handmade.ts'
import { findingOf, verdictOf } from './inspect-whole.ts'
import { hostileImages, soundImages } from './samples.ts'

const formatsOf = ({ matches }: Finding): string[] => matches.map(({ format }) => format)

describe('what bytes are', () => {
  for (const [title, bytes, format, virtualSizeBytes] of soundImages) {
    it(title, () => assert.deepEqual(findingOf(bytes).matches, [{ format, virtualSizeBytes, unsafe: null }]))
  }
  for (const [title, bytes, format, why] of hostileImages) {
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
      assert.deepEqual(findingOf(bytes), {
        sizeBytes: bytes.length,
        matches: [],
        encryptedContent: null,
        archive: null,
      })
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
    const started = process.cpuUsage()
    for (const extra of [
      ' '.repeat(60_000),
      `createType=${' '.repeat(60_000)}x`,
      `RW 1 SPARSE "${' '.repeat(60_000)}`,
    ]) {
      findingOf(made.vmdk({ extra, descriptorSectors: 128n }))
    }
    assert.ok(process.cpuUsage(started).user < 500_000)
  })
})

describe('the same bytes in any chunks', () => {
  const all = [...soundImages, ...hostileImages].map(([, bytes]) => bytes)
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
