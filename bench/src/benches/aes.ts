import { join } from 'node:path'
import { aesSeconds, opensslAesSpeed } from '../floors.ts'
import type { Lab } from '../lab.ts'
import { findOrInstall } from '../machine.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, ratioOf, type Samples } from '../rounds.ts'

/** AES-256-GCM alone, from memory: what encrypted transfers are held against beside plain ones. */
export interface AesAlone {
  readonly contestants: readonly Contestant[]
  /** The speed of one contestant as a ratio to each of these. */
  readonly rows: (samples: Samples, name: string) => Row[]
}

const openssl = 'openssl speed'
const node = 'node:crypto'

const contestant = (name: string, bytesPerSecond: (durationMs: number) => Promise<number>): Contestant => ({
  name,
  pid: null,
  run: async (durationMs) => ({ count: (await bytesPerSecond(durationMs)) / 1e9, seconds: 1 }),
})

/** @param direction of `node:crypto`; `openssl speed` encrypts */
export const aesAlone = (lab: Lab, direction: 'seal' | 'open', sizeBytes: number): AesAlone => {
  const { measured: core } = lab.cores
  const program = findOrInstall('openssl', 'openssl', lab.say)
  const logPath = join(lab.folder, 'openssl.log')
  const byNode = contestant(node, async () => sizeBytes / (await aesSeconds(direction, sizeBytes, core)))
  const byOpenssl =
    'missing' in program
      ? []
      : [contestant(openssl, () => opensslAesSpeed(program.path, { core, seconds: 1, logPath }))]
  return {
    contestants: [byNode, ...byOpenssl],
    rows: (samples, name) =>
      [openssl, node].map((floor): Row => {
        const row: Row = {
          name: `${name}, to AES alone (${floor})`,
          ours: { value: medianOf(samples, name, 'perSecond'), unit: 'GB/s' },
          floor: null,
          ratio: null,
          target: null,
          met: null,
          notes: [],
        }
        if (floor === openssl && 'missing' in program) {
          return { ...row, notes: [`could not be measured: ${program.missing}`] }
        }
        return {
          ...row,
          floor: { value: medianOf(samples, floor, 'perSecond'), unit: 'GB/s', what: floor },
          ratio: ratioOf(samples, name, floor),
        }
      }),
  }
}

/** How fast it could go if one core did both, one after the other. */
export const inTurn = (samples: Samples, plain: string): number =>
  1 / (1 / medianOf(samples, plain, 'perSecond') + 1 / medianOf(samples, node, 'perSecond'))
