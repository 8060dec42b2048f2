import { randomInt } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { deleteImage, requestText } from '../api.ts'
import type { Lab, Served } from '../lab.ts'
import type { Call } from '../load-job.ts'
import type { Row } from '../report.ts'
import { type Contestant, cpuRatioOf, medianOf, percent, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { gibibyte, size, uploadNew } from './transfers.ts'

const images = 10_000
const target = 0.5
const sizeBytes = gibibyte
const readBytes = 4096
const connections = 8
const readsAtOnce = 100

const randomRead = ({ producer }: Served, id: string): Call => {
  const start = randomInt(sizeBytes / readBytes) * readBytes
  const range = `bytes=${start}-${start + readBytes - 1}`
  return {
    request: requestText('GET', `/v2/images/${id}/file`, { 'X-Auth-Token': producer.token, Range: range }),
    status: 206,
  }
}

interface Reading extends Contestant {
  /** Reads so far. */
  readonly reads: () => number
}

const reading = (lab: Lab, name: string, service: Served, id: string, clients: number): Reading => {
  const { pid, port } = service
  let reads = 0
  const some = (): Call[] => Array.from({ length: readsAtOnce }, () => randomRead(service, id))
  return {
    name,
    pid,
    reads: () => reads,
    run: async (durationMs) => {
      let seconds = 0
      let count = 0
      while (seconds * 1000 < durationMs) {
        const result = await lab.load.once({ port, connections: Array.from({ length: clients }, some) })
        seconds += result.seconds
        count += clients * readsAtOnce
      }
      reads += count
      return { count, seconds }
    },
  }
}

/** What the database takes up, with its log. */
const databaseBytes = async (data: string): Promise<number> => {
  const names = (await readdir(data)).filter((name) => name === 'vitrine.db' || name === 'vitrine.db-wal')
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(data, name))).size))
  return sizes.reduce((sum, one) => sum + one, 0)
}

const rowOf = (samples: Samples, name: string, plain: string, goal: number | null, notes: readonly string[]): Row => {
  const ratio = ratioOf(samples, name, plain)
  const work = (one: string) =>
    `${percent(medianOf(samples, one, 'busy'))} busy, ${(medianOf(samples, one, 'cpuSecondsEach') * 1e6).toFixed(0)} µs each`
  return {
    name,
    ours: { value: medianOf(samples, name, 'perSecond'), unit: '/s' },
    floor: { value: medianOf(samples, plain, 'perSecond'), unit: '/s', what: plain },
    ratio,
    target: goal === null ? null : `>= ${goal}`,
    met: goal === null ? null : ratio >= goal,
    notes: [
      `sealed ${work(name)}; plain ${work(plain)}; by processor time the ratio is ` +
        `${cpuRatioOf(samples, name, plain).toFixed(2)}; the clock counts, for it is the disk that some reads wait for`,
      ...notes,
    ],
  }
}

/** Small reads here and there, as a virtual machine makes that runs from an image over HTTP. */
export const sealedReads = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, lab.cores.measured)
  const plain = await uploadNew(lab, service, sizeBytes)
  const sealed = await uploadNew(lab, service, sizeBytes, 'sealed')
  const crowd = reading(lab, `sealed reads of 4 KiB, ${connections} connections`, service, sealed.id, connections)
  const alone = reading(lab, 'the same, one connection', service, sealed.id, 1)
  const plainCrowd = reading(lab, `plain, ${connections} connections`, service, plain.id, connections)
  const plainAlone = reading(lab, 'plain, one connection', service, plain.id, 1)
  const before = await databaseBytes(service.data)
  const samples = await takeTurns([plainCrowd, crowd, plainAlone, alone], { warmUpMs: 500, rounds: 6, roundMs: 1000 })
  const grown = (await databaseBytes(service.data)) - before
  const reads = crowd.reads() + alone.reads()
  for (const { id } of [plain, sealed]) await deleteImage(service.url, service.producer, id)
  const perRead = (name: string) => `${(1000 / medianOf(samples, name, 'perSecond')).toFixed(2)} ms`
  return [
    rowOf(samples, crowd.name, plainCrowd.name, target, [
      `anywhere in an image of ${size(sizeBytes)}, from the memory of the system; a sealed read opens a chunk of 64 KiB`,
      `the database grew by ${Math.round(grown / reads)} bytes for each of ${reads.toLocaleString('en')} sealed reads`,
    ]),
    rowOf(samples, alone.name, plainAlone.name, null, [
      `a sealed read takes ${perRead(alone.name)}, a plain one ${perRead(plainAlone.name)}`,
    ]),
  ]
}
