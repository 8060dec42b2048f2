import assert from 'node:assert/strict'
import { type DiskFormat, diskFormats } from '@vitrine/contract'
import { verdictOn } from '../../src/inspect/check.ts'
import { readFinding, writeFinding } from '../../src/inspect/finding.ts'
import { findingOf, verdictOf } from '../../src/inspect/inspect-whole.ts'

/** What would be read from the host, found without the inspector and in another way: by plain offsets and searches. */
const opens: Readonly<Partial<Record<DiskFormat, (bytes: Buffer) => boolean>>> = {
  qcow2: (bytes) => bytes.readBigUInt64BE(8) !== 0n || (bytes.readUInt32BE(4) > 2 && (bytes.readUInt8(79) & 4) !== 0),
  vmdk: (bytes) => {
    const text = bytes.toString('latin1', 512, 21 * 512).split('\0', 1)[0] ?? ''
    return /parentFileNameHint/.test(text) || /^\s*(RW|RDONLY|NOACCESS) .*["].*[/\\].*["]/m.test(text)
  },
  vhd: (bytes) =>
    [0, bytes.length - 512].some(
      (at) => bytes.toString('latin1', at, at + 8) === 'conectix' && bytes.readUInt32BE(at + 60) === 4,
    ),
  vhdx: (bytes) => bytes.includes(Buffer.from('2d5fd3a80bb34d45abf7d3d84834ab0c', 'hex'), 2 ** 20),
  vdi: (bytes) => bytes.subarray(0x1a8, 0x1c8).some((byte) => byte !== 0),
}

const marks: ReadonlyArray<readonly [DiskFormat, (bytes: Buffer) => boolean]> = [
  ['qcow2', (bytes) => bytes.toString('latin1', 0, 4) === 'QFI\xfb'],
  ['vmdk', (bytes) => bytes.toString('latin1', 0, 4) === 'KDMV'],
  ['vhdx', (bytes) => bytes.toString('latin1', 0, 8) === 'vhdxfile'],
  ['vdi', (bytes) => bytes.length > 0x44 && bytes.readUInt32LE(0x40) === 0xbeda107f],
  ['iso', (bytes) => bytes.toString('latin1', 32_769, 32_774) === 'CD001'],
]

/** Longer than anything small may take. Of the processor, so that a busy machine changes nothing. */
const patienceMs = 1000

/**
 * What must hold of every input: it makes nothing fail, the pieces it comes in change nothing, a kept finding is as good as
 * the bytes, and nothing is accepted that another look at it finds hostile or of two formats.
 * @throws AssertionError
 */
export const examine = (bytes: Buffer, pieces: readonly number[]): void => {
  const started = process.cpuUsage()
  const finding = findingOf(bytes, bytes.length + 1)
  const { user, system } = process.cpuUsage(started)
  assert.ok((user + system) / 1000 < patienceMs, 'it takes too long')
  assert.deepEqual(findingOf(bytes, ...pieces), finding, 'the pieces change the finding')
  assert.deepEqual(readFinding(writeFinding(finding)), finding, 'a kept finding is another one')
  for (const diskFormat of diskFormats) {
    const declared = { diskFormat, containerFormat: 'bare', enforce: true, virtualSizeLimitBytes: -1 } as const
    const verdict = verdictOn(declared, finding)
    assert.equal(
      verdictOf(bytes, declared, ...pieces).accepted,
      verdict.accepted,
      `${diskFormat}: the head says otherwise`,
    )
    if (!verdict.accepted || diskFormat === 'raw') continue
    assert.ok(!opens[diskFormat]?.(bytes), `${diskFormat}: accepted, and reads the host`)
    const others = marks.filter(([format, has]) => format !== diskFormat && has(bytes)).map(([format]) => format)
    assert.deepEqual(others, [], `${diskFormat}: accepted, and is another format too`)
  }
}
