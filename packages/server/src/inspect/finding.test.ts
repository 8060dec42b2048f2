import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { containerFormats, diskFormats } from '@vitrine/contract'
import fc from 'fast-check'
import { verdictOn } from './check.ts'
import { type Finding, readFinding, writeFinding } from './finding.ts'
import * as made from './handmade.ts'
import { ova, ovf } from './handmade-archive.ts'
import { findingOf, verdictOf } from './inspect-whole.ts'

const samples = [
  Buffer.alloc(0),
  made.plain(),
  made.qcow2(),
  made.qcow2({ backingFile: '/etc/passwd' }),
  made.vmdk(),
  made.vmdk({ footer: 'larger' }),
  made.vhd({ type: 'fixed', content: made.gpt() }),
  made.vhdx(),
  made.vhdx({ hasParent: true }),
  made.iso(),
  made.luks(),
  ova(['a.ovf', ovf()], ['a.vmdk', made.vmdk()]),
  ova(['a.qcow2', made.qcow2({ backingFile: 'x' })]),
]

const kept = (finding: Finding): Finding => {
  const read = readFinding(writeFinding(finding))
  assert.ok(read !== undefined)
  return read
}

describe('a finding that is kept until the image is declared', () => {
  it('is read as it was written', () => {
    for (const bytes of samples) assert.deepEqual(kept(findingOf(bytes)), findingOf(bytes))
  })

  it('is judged as an upload of the same bytes is', () => {
    const damage = fc.array(fc.tuple(fc.nat(70_000), fc.nat(255)), { maxLength: 4 })
    const declared = fc.record({
      diskFormat: fc.constantFrom(...diskFormats),
      containerFormat: fc.constantFrom(...containerFormats),
      enforce: fc.boolean(),
      virtualSizeLimitBytes: fc.constantFrom(-1, 2 ** 25),
    })
    fc.assert(
      fc.property(fc.constantFrom(...samples), damage, declared, (original, changes, options) => {
        const bytes = Buffer.from(original)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const finding = findingOf(bytes)
        const before = structuredClone(finding)
        const later = verdictOn(options, kept(finding))
        const atOnce = verdictOf(bytes, options)
        assert.equal(later.accepted, atOnce.accepted)
        if (later.accepted) assert.deepEqual(later, atOnce)
        assert.deepEqual(finding, before)
      }),
      { numRuns: 300 },
    )
  })

  it('of another version of the service is not believed', () => {
    const { encryptedContent: _, ...older } = findingOf(made.qcow2())
    assert.equal(readFinding(JSON.stringify(older)), undefined)
    assert.equal(readFinding(JSON.stringify({ ...findingOf(made.qcow2()), matches: [{ format: 'new' }] })), undefined)
    assert.equal(readFinding('null'), undefined)
  })
})
