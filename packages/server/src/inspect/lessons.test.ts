/** What befell others, by the numbers under which it is known: https://security.openstack.org/ossalist.html. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { diskFormats } from '@vitrine/contract'
import fc from 'fast-check'
import * as made from './handmade.ts'
import { ova, ovf } from './handmade-archive.ts'
import { verdictOf } from './inspect-whole.ts'

const inspected = ['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso'] as const
const tooMany = 1n << 50n

const isRefused = (bytes: Uint8Array, diskFormat: (typeof diskFormats)[number]): boolean =>
  !verdictOf(bytes, { diskFormat }).accepted

/** An image with some of its bytes replaced. */
const planted = (image: Uint8Array, at: number, bytes: Uint8Array | string): Buffer => {
  const changed = Buffer.from(image)
  changed.set(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, at)
  return changed
}

describe('lessons of others', () => {
  it('OSSA-2013-012, OSSA-2013-029: a giant disk in few bytes is seen by its header, and can be limited', () => {
    const giants = [
      ['qcow2', made.qcow2({ sizeBytes: tooMany })],
      ['vmdk', made.vmdk({ sectors: tooMany / 512n })],
      ['vhdx', made.vhdx({ sizeBytes: tooMany })],
      ['ploop', made.ploop({ sectors: 2n ** 42n - 1n })],
    ] as const
    for (const [diskFormat, bytes] of giants) {
      const verdict = verdictOf(bytes, { diskFormat, virtualSizeLimitBytes: 2 ** 46 })
      assert.ok(!verdict.accepted, diskFormat)
      if (diskFormat !== 'ploop') assert.equal(verdict.limit, 'virtual_size')
      const unlimited = verdictOf(bytes, { diskFormat })
      if (unlimited.accepted) assert.equal(unlimited.virtualSizeBytes, Number(tooMany))
    }
    assert.ok(isRefused(made.qcow2({ sizeBytes: (1n << 64n) - 1n }), 'qcow2'))
  })

  it('OSSA-2015-014, CVE-2015-5163: a backing file, wherever it is said to stand and however long its name is', () => {
    fc.assert(
      fc.property(
        fc.bigInt(1n, (1n << 64n) - 1n),
        fc.nat(0xffff_ffff),
        fc.constantFrom(2, 3),
        (at, length, version) => {
          const image = made.qcow2({ version })
          image.writeBigUInt64BE(at, 8)
          image.writeUInt32BE(length, 16)
          for (const diskFormat of inspected) assert.ok(isRefused(image, diskFormat))
        },
      ),
    )
  })

  it('OSSA-2016-012, OSSA-2026-002: no program is run on what a user sent, so none guesses its format', () => {
    const source = new URL('../', import.meta.url)
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !/testing|qemu-samples/.test(name),
    )
    assert.ok(files.length > 100)
    for (const name of files) {
      const text = readFileSync(new URL(name, source), 'utf8')
      assert.doesNotMatch(text, /['"](?:node:)?child_process['"]|['"](?:node:)?cluster['"]/, name)
    }
  })

  it('OSSA-2016-012: tables that a reader would allocate have the bounds that QEMU has', () => {
    for (const image of [made.qcow2({ l1Entries: 2 ** 22 + 1 }), made.qcow2({ snapshots: 65_537 })]) {
      assert.ok(isRefused(image, 'qcow2'))
    }
    assert.ok(!isRefused(made.qcow2({ l1Entries: 2 ** 22, snapshots: 65_536 }), 'qcow2'))
  })

  it('OSSA-2023-001: an OVF cannot define entities, and no XML is interpreted', () => {
    for (const entity of [
      '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
      '<!doctype x>',
      '<!ENTITY % a "b">',
    ]) {
      const verdict = verdictOf(ova(['a.ovf', ovf('disk.vmdk', entity)]), {
        diskFormat: 'vmdk',
        containerFormat: 'ova',
      })
      assert.ok(!verdict.accepted)
      assert.match(verdict.why, /entities/)
    }
  })

  it('OSSA-2023-002, CVE-2022-47951: a vmdk of any type but two, or with any other file as its extent', () => {
    const types = [
      'monolithicFlat',
      'vmfs',
      'vmfsSparse',
      'twoGbMaxExtentFlat',
      'twoGbMaxExtentSparse',
      'fullDevice',
      'custom',
    ]
    for (const createType of types) assert.ok(isRefused(made.vmdk({ createType }), 'vmdk'))
    const access = fc.constantFrom('RW', 'RDONLY', 'NOACCESS', 'rw')
    const kind = fc.constantFrom('FLAT', 'VMFS', 'VMFSRAW', 'ZERO', 'SPARSE')
    const path = fc.constantFrom('/etc/passwd', '../x', 'C:\\x', 'a/b', 'json:{}/', 'nbd://host/')
    fc.assert(
      fc.property(access, fc.nat(), kind, path, (word, sectors, type, name) => {
        assert.ok(isRefused(made.vmdk({ extent: `${word} ${sectors} ${type} "${name}"` }), 'vmdk'))
        assert.ok(isRefused(made.vmdk({ extra: `\t${word} ${sectors} ${type} "${name}" 0` }), 'vmdk'))
      }),
    )
  })

  it('OSSA-2023-002: the name of a parent, anywhere in the descriptor', () => {
    const descriptorBytes = 20 * 512
    const at = fc.integer({ min: 512, max: 512 + descriptorBytes - 100 })
    fc.assert(
      fc.property(at, (place) => {
        const filled = planted(made.vmdk(), 512 + 150, '\n'.repeat(descriptorBytes - 200))
        const image = planted(filled, Math.max(place, 512 + 150), 'parentFileNameHint="/etc/passwd"')
        assert.ok(isRefused(image, 'vmdk'))
      }),
    )
  })

  it('OSSA-2024-001, CVE-2024-32498: an external data file, and every feature that is not known', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 64n) - 1n), (features) => {
        const isKnown = (features & ~0b1_1011n) === 0n
        const refused = isRefused(made.qcow2({ incompatible: features }), 'qcow2')
        assert.equal(refused, !isKnown)
      }),
      { examples: [[4n], [32n], [1n << 63n], [0n], [3n]] },
    )
  })

  it('OSSA-2024-002: bytes that are two things at once are accepted as neither', () => {
    const heads = [made.qcow2(), made.vmdk(), made.vhdx().subarray(0, 4096), made.vdi(), made.ploop(), made.qed()]
    const tail = made.vhd({ type: 'fixed' }).subarray(-512)
    for (const head of heads) {
      const withIso = planted(made.iso(), 0, head.subarray(0, 16 * 2048))
      const withVhd = Buffer.concat([head, tail])
      for (const diskFormat of inspected) {
        assert.ok(isRefused(withIso, diskFormat), `iso and ${head.toString('latin1', 0, 8)} as ${diskFormat}`)
        assert.ok(isRefused(withVhd, diskFormat), `vhd and ${head.toString('latin1', 0, 8)} as ${diskFormat}`)
      }
    }
  })

  it('OSSA-2024-002: a label that needs no marks does not hide a disk', () => {
    for (const diskFormat of ['ami', 'ari', 'aki', 'ploop'] as const) {
      for (const bytes of [made.qcow2(), made.vmdk(), made.vhd(), made.vhdx(), made.vdi(), made.iso(), made.qed()]) {
        assert.ok(isRefused(bytes, diskFormat))
      }
    }
  })

  it('parents of vhd, vhdx and vdi, by every place that can name one', () => {
    for (const at of [0x1a8, 0x1b8, 0x1c7]) assert.ok(isRefused(planted(made.vdi(), at, Uint8Array.of(1)), 'vdi'))
    assert.ok(isRefused(made.vhd({ type: 'differencing' }), 'vhd'))
    assert.ok(isRefused(made.vhd({ parentName: 'p' }), 'vhd'))
    assert.ok(isRefused(made.vhdx({ hasParent: true }), 'vhdx'))
    assert.ok(isRefused(made.vhdx({ parentLocator: true }), 'vhdx'))
  })
})
