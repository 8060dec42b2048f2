import { deleteImage } from '../api.ts'
import type { Lab, Served } from '../lab.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, percent, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { aesAlone, inTurn } from './aes.ts'
import { downloadOf, gibibyte, size, uploadNew } from './transfers.ts'

const images = 10_000
const target = 0.6
const sizeBytes = gibibyte
const several = 4
const roundMs = 2500

/** So many downloads of an image begin together; the next ones when all have ended. */
const downloading = (lab: Lab, name: string, service: Served, id: string, atOnce: number): Contestant => {
  const { pid, port, producer } = service
  const transfers = Array.from({ length: atOnce }, () => downloadOf(id, producer, sizeBytes))
  return {
    name,
    pid,
    run: async (durationMs) => {
      let seconds = 0
      let count = 0
      while (seconds * 1000 < durationMs) {
        const each = await lab.load.transfers({ port, transfers })
        seconds += Math.max(...each.seconds)
        count += (atOnce * sizeBytes) / 1e9
      }
      return { count, seconds }
    },
  }
}

const work = (samples: Samples, name: string): string => {
  const cpu = (medianOf(samples, name, 'cpuSecondsEach') * gibibyte) / 1e9
  return `${cpu.toFixed(2)} s of processor time for each GiB at ${percent(medianOf(samples, name, 'busy'))} busy`
}

const rowOf = (samples: Samples, name: string, plain: string): Row => {
  const ratio = ratioOf(samples, name, plain)
  const bound = inTurn(samples, plain)
  return {
    name,
    ours: { value: medianOf(samples, name, 'perSecond'), unit: 'GB/s' },
    floor: { value: medianOf(samples, plain, 'perSecond'), unit: 'GB/s', what: plain },
    ratio,
    target: `>= ${target}`,
    met: ratio >= target,
    notes: [
      `sealed ${work(samples, name)}; plain ${work(samples, plain)}`,
      `a core that sends the plain bytes and decrypts as many with node:crypto, in turn, comes to ${bound.toFixed(2)} GB/s, ` +
        `of which this is ${percent(medianOf(samples, name, 'perSecond') / bound)}`,
    ],
  }
}

/** Downloads that are decrypted on their way, against plain ones; the service has one core. */
export const sealedDownload = async (lab: Lab): Promise<Row[]> => {
  const aes = aesAlone(lab, 'open', sizeBytes)
  await using service = await lab.serve(images, lab.cores.measured)
  const plain = await uploadNew(lab, service, sizeBytes)
  const sealed = await uploadNew(lab, service, sizeBytes, 'sealed')
  const one = `sealed download of ${size(sizeBytes)}`
  const many = `${several} sealed downloads at once`
  const samples = await takeTurns(
    [
      downloading(lab, 'plain download', service, plain.id, 1),
      downloading(lab, one, service, sealed.id, 1),
      downloading(lab, `${several} plain`, service, plain.id, several),
      downloading(lab, many, service, sealed.id, several),
      ...aes.contestants,
    ],
    { warmUpMs: 1, rounds: 5, roundMs },
  )
  for (const { id } of [plain, sealed]) await deleteImage(service.url, service.producer, id)
  return [
    rowOf(samples, one, 'plain download'),
    ...aes.rows(samples, one),
    rowOf(samples, many, `${several} plain`),
    ...aes.rows(samples, many),
  ]
}
