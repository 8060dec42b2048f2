/** Images made by the real tool. Without it, the images made by hand in the other tests must do. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { DiskFormat } from '@vitrine/contract'
import * as made from './handmade.ts'
import { findingOf, verdictOf } from './inspect-whole.ts'

const present = spawnSync('qemu-img', ['--version']).status === 0
const mib = 2 ** 20

interface Case {
  readonly title: string
  readonly diskFormat: DiskFormat
  readonly args: readonly string[]
  readonly handmade: () => Buffer
  readonly why?: RegExp
}

const cases: readonly Case[] = [
  { title: 'qcow2', diskFormat: 'qcow2', args: ['-f', 'qcow2'], handmade: () => made.qcow2() },
  {
    title: 'qcow2, old',
    diskFormat: 'qcow2',
    args: ['-f', 'qcow2', '-o', 'compat=0.10'],
    handmade: () => made.qcow2({ version: 2 }),
  },
  {
    title: 'qcow2, extended L2 and zstd',
    diskFormat: 'qcow2',
    args: ['-f', 'qcow2', '-o', 'extended_l2=on,compression_type=zstd'],
    handmade: () => made.qcow2({ incompatible: 0b11000n }),
  },
  {
    title: 'qcow2, external data file',
    diskFormat: 'qcow2',
    args: ['-f', 'qcow2', '-o', 'data_file=DIR/data.raw'],
    handmade: () => made.qcow2({ incompatible: 4n }),
    why: /external data file/,
  },
  {
    title: 'qcow2, backing file',
    diskFormat: 'qcow2',
    args: ['-f', 'qcow2', '-b', 'DIR/base.raw', '-F', 'raw'],
    handmade: () => made.qcow2({ backingFile: 'base.raw' }),
    why: /backing file/,
  },
  { title: 'vmdk, monolithicSparse', diskFormat: 'vmdk', args: ['-f', 'vmdk'], handmade: () => made.vmdk() },
  {
    title: 'vmdk, streamOptimized',
    diskFormat: 'vmdk',
    args: ['-f', 'vmdk', '-o', 'subformat=streamOptimized'],
    handmade: () => made.vmdk({ createType: 'streamOptimized' }),
  },
  {
    title: 'vmdk, monolithicFlat',
    diskFormat: 'vmdk',
    args: ['-f', 'vmdk', '-o', 'subformat=monolithicFlat'],
    handmade: () => Buffer.from('# Disk DescriptorFile\nversion=1\n'),
    why: /without a disk/,
  },
  {
    title: 'vmdk, backing file',
    diskFormat: 'vmdk',
    args: ['-f', 'vmdk', '-b', 'DIR/base.vmdk', '-F', 'vmdk'],
    handmade: () => made.vmdk({ extra: 'parentFileNameHint="x"' }),
    why: /parent/,
  },
  { title: 'vhd, dynamic', diskFormat: 'vhd', args: ['-f', 'vpc', '-o', 'force_size=on'], handmade: () => made.vhd() },
  {
    title: 'vhd, fixed',
    diskFormat: 'vhd',
    args: ['-f', 'vpc', '-o', 'subformat=fixed,force_size=on'],
    handmade: () => made.vhd({ type: 'fixed' }),
  },
  { title: 'vhdx, dynamic', diskFormat: 'vhdx', args: ['-f', 'vhdx'], handmade: () => made.vhdx() },
  {
    title: 'vhdx, fixed',
    diskFormat: 'vhdx',
    args: ['-f', 'vhdx', '-o', 'subformat=fixed'],
    handmade: () => made.vhdx(),
  },
  { title: 'vdi, dynamic', diskFormat: 'vdi', args: ['-f', 'vdi'], handmade: () => made.vdi() },
  {
    title: 'vdi, static',
    diskFormat: 'vdi',
    args: ['-f', 'vdi', '-o', 'static=on'],
    handmade: () => made.vdi({ type: 2 }),
  },
  { title: 'qed', diskFormat: 'qcow2', args: ['-f', 'qed'], handmade: () => made.qed(), why: /look like qed/ },
  {
    title: 'qcow',
    diskFormat: 'qcow2',
    args: ['-f', 'qcow'],
    handmade: () => made.qcow2({ version: 1 }),
    why: /look like qcow/,
  },
]

describe('images of qemu-img', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-img-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  if (!present) console.error('qemu-img is not installed (Debian: qemu-utils); these tests use images made by hand.')

  const make = ({ args, handmade }: Case): Buffer => {
    if (!present) return handmade()
    const path = join(folder, 'disk')
    const qemuImg = (...words: readonly string[]): void => {
      execFileSync(
        'qemu-img',
        words.map((word) => word.replaceAll('DIR', folder)),
        { stdio: 'pipe' },
      )
    }
    writeFileSync(join(folder, 'base.raw'), Buffer.alloc(8 * mib))
    qemuImg('create', '-q', '-f', 'vmdk', 'DIR/base.vmdk', '8M')
    rmSync(path, { force: true })
    qemuImg('create', '-q', ...args, path, '8M')
    return readFileSync(path)
  }

  for (const one of cases) {
    it(`${one.title}: ${one.why === undefined ? 'accepted' : 'refused'}`, () => {
      const bytes = make(one)
      const verdict = verdictOf(bytes, { diskFormat: one.diskFormat })
      if (one.why !== undefined) {
        assert.ok(!verdict.accepted)
        assert.match(verdict.why, one.why)
        return
      }
      assert.ok(verdict.accepted, JSON.stringify(verdict))
      if (present) assert.equal(verdict.virtualSizeBytes, 8 * mib)
      assert.deepEqual(findingOf(bytes, 4093), findingOf(bytes, bytes.length))
    })
  }

  it('are told apart from each other', () => {
    const accepted = cases.filter(({ why }) => why === undefined)
    for (const one of accepted) {
      const bytes = make(one)
      for (const { diskFormat } of accepted) {
        assert.equal(
          verdictOf(bytes, { diskFormat }).accepted,
          diskFormat === one.diskFormat,
          `${one.title} as ${diskFormat}`,
        )
      }
    }
  })
})
