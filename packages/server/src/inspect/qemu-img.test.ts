/** Images made by the real tool, and what the tool says about those that are accepted. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { DiskFormat } from '@vitrine/contract'
import fc from 'fast-check'
import { findingOf, verdictOf } from './inspect-whole.ts'
import { noQemuImg, openQemuImg, type QemuSample, qemuSampleBytes, qemuSamples } from './qemu-samples.ts'

const qemuName: Readonly<Partial<Record<DiskFormat, string>>> = { vhd: 'vpc', ploop: 'parallels' }

describe('images of qemu-img', { skip: noQemuImg }, () => {
  const qemu = noQemuImg === false ? openQemuImg() : undefined
  after(() => qemu?.close())
  const made = new Map<QemuSample, Buffer>()
  const make = (sample: QemuSample): Buffer => {
    const bytes = made.get(sample) ?? qemu?.make(sample)
    assert.ok(bytes !== undefined)
    made.set(sample, bytes)
    return bytes
  }
  const sound = qemuSamples.filter(({ why }) => why === undefined)

  for (const sample of qemuSamples) {
    const { title, diskFormat, why } = sample
    it(`${title}: ${why === undefined ? 'accepted' : 'refused'}`, () => {
      const bytes = make(sample)
      const verdict = verdictOf(bytes, { diskFormat })
      if (why !== undefined) {
        assert.ok(!verdict.accepted)
        assert.match(verdict.why, why)
        return
      }
      assert.ok(verdict.accepted, JSON.stringify(verdict))
      assert.equal(verdict.virtualSizeBytes, qemuSampleBytes)
      assert.deepEqual(findingOf(bytes, 4093), findingOf(bytes, bytes.length))
    })
  }

  it('are told apart from each other', () => {
    for (const sample of sound) {
      for (const { diskFormat } of sound) {
        const { accepted } = verdictOf(make(sample), { diskFormat })
        assert.equal(accepted, diskFormat === sample.diskFormat, `${sample.title} as ${diskFormat}`)
      }
    }
  })

  it('cut off at every boundary: told or refused, never a failure', () => {
    const boundaries = [0, 1, 3, 4, 8, 16, 63, 64, 72, 104, 112, 511, 512, 1024, 1536, 4096, 65_536, 196_608, 2 ** 20]
    for (const sample of sound) {
      const bytes = make(sample)
      for (const boundary of boundaries) {
        for (const end of [boundary, bytes.length - boundary]) {
          if (end < 0 || end > bytes.length) continue
          const cut = bytes.subarray(0, end)
          const verdict = verdictOf(cut, { diskFormat: sample.diskFormat })
          if (end < 64 && sample.diskFormat !== 'ploop') assert.ok(!verdict.accepted, `${sample.title} to ${end}`)
        }
      }
    }
  })

  /** What qemu-img finds in a file that it is told the format of; undefined when it does not open it. */
  const infoOf = (bytes: Uint8Array, diskFormat: DiskFormat): Record<string, unknown> | undefined => {
    assert.ok(qemu !== undefined)
    const path = join(qemu.folder, 'mutant')
    writeFileSync(path, bytes)
    const args = ['info', '-U', '--output=json', '-f', qemuName[diskFormat] ?? diskFormat, path]
    const { status, stdout } = spawnSync('qemu-img', args, { encoding: 'utf8', timeout: 10_000 })
    return status === 0 ? JSON.parse(stdout) : undefined
  }

  it('damaged at random: what is accepted refers to nothing, and is no larger to qemu-img than was recorded', () => {
    const change = fc.tuple(fc.oneof(fc.nat(120), fc.nat(600), fc.nat(2100), fc.nat(70_000)), fc.nat(255))
    let compared = 0
    fc.assert(
      fc.property(fc.constantFrom(...sound), fc.array(change, { minLength: 1, maxLength: 3 }), (sample, changes) => {
        const bytes = Buffer.from(make(sample))
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const { diskFormat } = sample
        const verdict = verdictOf(bytes, { diskFormat })
        if (!verdict.accepted) return
        const info = infoOf(bytes, diskFormat)
        if (info === undefined) return
        compared++
        assert.equal(info['backing-filename'], undefined)
        assert.doesNotMatch(JSON.stringify(info), /data-file/)
        // It rounds up to sectors.
        const recordedBytes = Math.ceil((verdict.virtualSizeBytes ?? 0) / 512) * 512
        assert.ok(Number(info['virtual-size']) <= recordedBytes, `${sample.title}: ${JSON.stringify(info)}`)
      }),
      { numRuns: 60 },
    )
    assert.ok(compared > 0)
  })
})
