import { hashSeconds, inspectSeconds } from '../floors.ts'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { median } from '../rounds.ts'

const sizeBytes = 1024 ** 3
const rounds = 5
// The hashes take much longer in any case; the inspector runs beside the network in the main thread.
const target = 10

const kinds = [
  ['qcow2', 'inspection of 1 GiB, a qcow2'],
  ['raw', 'inspection of 1 GiB, a raw disk'],
  ['ova', 'inspection of 1 GiB, an ova of 1,000 files'],
] as const

/** What it costs to look at bytes, beside what it costs to hash them. */
export const inspect = async (lab: Lab): Promise<Row[]> => {
  const { measured: core } = lab.cores
  const rows: Row[] = []
  for (const [kind, name] of kinds) {
    const ours: number[] = []
    const hashed: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await inspectSeconds(kind, sizeBytes, core))
      hashed.push(await hashSeconds(['sha512'], sizeBytes, core))
    }
    const seconds = { ours: median(ours), hash: median(hashed) }
    const ratio = seconds.hash / seconds.ours
    rows.push({
      name,
      ours: { value: sizeBytes / 1e9 / seconds.ours, unit: 'GB/s' },
      floor: { value: sizeBytes / 1e9 / seconds.hash, unit: 'GB/s', what: 'sha512 alone' },
      ratio,
      target: `>= ${target}`,
      met: ratio >= target,
      notes: [`${(seconds.ours * 1000).toFixed(1)} ms`],
    })
  }
  return rows
}
