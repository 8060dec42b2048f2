import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { containerFormats, diskFormats } from '@vitrine/contract'
import { type ContentFormat, type Finding, safe, unsafe } from './finding.ts'
import * as made from './handmade.ts'
import { verdictOf } from './inspect-whole.ts'
import { judgeContent } from './rules.ts'

const found = (...formats: readonly ContentFormat[]): Finding => ({
  sizeBytes: 1000,
  matches: formats.map((format) => safe(format, 7)),
  encryptedContent: null,
  archive: null,
})
const accepted = (virtualSizeBytes: number | null) => ({
  accepted: true,
  virtualSizeBytes,
  encryptedContent: null,
})
const refused = (why: string) => ({ accepted: false, why })
const inspectable = ['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso'] as const
const uninspectable = ['ami', 'ari', 'aki', 'ploop'] as const

describe('whether bytes match an image in a bare container', () => {
  const judge = (diskFormat: (typeof diskFormats)[number], finding: Finding) =>
    judgeContent({ diskFormat, containerFormat: 'bare' }, finding)

  for (const format of inspectable) {
    it(`${format}: the same, with its virtual size`, () => assert.deepEqual(judge(format, found(format)), accepted(7)))
    it(`${format}: nothing else, and no plain bytes`, () => {
      assert.deepEqual(judge(format, found()), refused('they carry no mark of it'))
      assert.deepEqual(judge(format, found('qed')), refused('they look like qed'))
      assert.deepEqual(judge(format, found('gpt')), refused('they look like a raw disk with a partition table'))
    })
    it(`${format}: nothing unsafe`, () => {
      const finding = { ...found(), matches: [unsafe(format, 'they name a backing file')] }
      assert.deepEqual(judge(format, finding), refused('they name a backing file'))
    })
    it(`${format}: nothing that can be taken for another disk`, () => {
      assert.deepEqual(judge(format, found(format, 'qcow')), refused('they can also be taken for qcow'))
    })
  }

  it('raw may be anything, and its virtual size is the number of bytes', () => {
    assert.deepEqual(judge('raw', found()), accepted(1000))
    assert.deepEqual(judge('raw', found('qcow2')), accepted(1000))
    assert.deepEqual(judge('raw', { ...found(), sizeBytes: 0 }), accepted(null))
  })

  for (const format of uninspectable) {
    it(`${format}: bytes without marks, or with those of a raw disk`, () => {
      assert.deepEqual(judge(format, found()), accepted(null))
      assert.deepEqual(judge(format, found('mbr')), accepted(null))
    })
    it(`${format}: no disk of another kind`, () => {
      assert.deepEqual(judge(format, found('qcow2')), refused('they look like qcow2'))
    })
  }

  it('ploop: what carries its marks is believed and must be safe', () => {
    assert.deepEqual(judge('ploop', found('ploop')), accepted(7))
    assert.deepEqual(judge('ploop', { ...found(), matches: [unsafe('ploop', 'why')] }), refused('why'))
    assert.deepEqual(judge('ploop', found('ploop', 'iso')), refused('they look like iso'))
    assert.deepEqual(judge('ami', found('ploop')), refused('they look like ploop'))
  })

  it('an iso may also be a partitioned disk, and so may the content of a vhd', () => {
    assert.deepEqual(judge('iso', found('iso', 'gpt')), accepted(7))
    assert.deepEqual(judge('iso', found('iso', 'mbr')), accepted(7))
    assert.deepEqual(judge('vhd', found('gpt', 'vhd')), accepted(7))
    assert.deepEqual(judge('vhd', found('luks', 'vhd')), accepted(7))
    assert.equal(judge('qcow2', found('qcow2', 'mbr')).accepted, false)
  })

  it('an ova must be sound, and what is in another container must be safe', () => {
    const inArchive = { ...found(), archive: { files: 1, unsafe: 'form', unsafeContent: null } }
    const hostile = { ...found(), archive: { files: 1, unsafe: 'form', unsafeContent: 'content' } }
    const judge = (containerFormat: (typeof containerFormats)[number], finding: Finding) =>
      judgeContent({ diskFormat: 'vmdk', containerFormat }, finding)
    assert.deepEqual(judge('ova', inArchive), refused('form'))
    for (const containerFormat of containerFormats.filter((format) => format !== 'bare' && format !== 'ova')) {
      assert.deepEqual(judge(containerFormat, inArchive), accepted(null))
      assert.deepEqual(judge(containerFormat, hostile), refused('content'))
    }
  })

  it('OSSA-2024-003: in other containers, they may be anything but what names files of the host', () => {
    for (const containerFormat of containerFormats.filter((format) => format !== 'bare')) {
      for (const diskFormat of diskFormats) {
        for (const finding of [found(), found('qcow2'), found('iso', 'mbr')]) {
          assert.deepEqual(judgeContent({ diskFormat, containerFormat }, finding), accepted(null))
        }
        const hostile = { ...found(), matches: [safe('iso', 7), unsafe('qcow2', 'they name a backing file')] }
        assert.deepEqual(judgeContent({ diskFormat, containerFormat }, hostile), refused('they name a backing file'))
      }
    }
  })
})

describe('the inspector of an upload', () => {
  it('refuses as soon as the head shows it', () => {
    const rest = Buffer.alloc(5 * 2 ** 20)
    const endless = Buffer.concat([made.plain(), rest])
    const verdict = verdictOf(endless, { diskFormat: 'qcow2' })
    assert.deepEqual(verdict, refused('they carry no mark of it'))
  })

  it('waits for the end of a vhd, where a fixed one is told', () => {
    const fixed = made.vhd({ type: 'fixed', content: made.plain(2 ** 20) })
    assert.deepEqual(verdictOf(fixed, { diskFormat: 'vhd' }), accepted(2 ** 20))
  })

  it('accepts it without a size when told so', () => {
    const verdict = verdictOf(made.qcow2({ backingFile: 'x' }), { diskFormat: 'qcow2', enforce: false })
    assert.deepEqual(verdict, accepted(null))
  })

  it('lets everything pass as raw, and only what is safe in another container', () => {
    assert.deepEqual(verdictOf(made.qed(), { diskFormat: 'raw' }), accepted(made.qed().length))
    for (const containerFormat of containerFormats.filter((format) => format !== 'bare')) {
      assert.deepEqual(verdictOf(made.vdi(), { diskFormat: 'qcow2', containerFormat }), accepted(null))
      assert.equal(verdictOf(made.qed(), { diskFormat: 'qcow2', containerFormat }).accepted, false)
    }
  })

  it('refuses an image of no bytes, unless nothing is asked of them', () => {
    const nothing = Buffer.alloc(0)
    for (const diskFormat of inspectable) assert.equal(verdictOf(nothing, { diskFormat }).accepted, false)
    for (const diskFormat of uninspectable) assert.deepEqual(verdictOf(nothing, { diskFormat }), accepted(null))
    assert.deepEqual(verdictOf(nothing, { diskFormat: 'raw' }), accepted(null))
  })

  it('tells of a disk that is encrypted in itself', () => {
    const verdict = verdictOf(made.luks(), { diskFormat: 'raw' })
    assert.deepEqual(verdict, { ...accepted(made.luks().length), encryptedContent: 'luks' })
  })
})
