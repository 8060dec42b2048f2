import { randomInt } from 'node:crypto'
import { type Account, createLink, deleteImage, requestText } from '../api.ts'
import type { Lab, Served } from '../lab.ts'
import type { Call } from '../load-job.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, rangeOf, ratioOf, type Samples, saturatedRatio, takeTurns } from '../rounds.ts'
import { downloadOf, gibibyte, repeating, size, uploadNew } from './transfers.ts'

const images = 10_000
const sizeBytes = gibibyte
const target = 0.9
const readTarget = 0.8
const readBytes = 4096
const connections = 8
const readsAtOnce = 100

/** Where the bytes are asked for, and with what. */
interface Way {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const byToken = (id: string, { token }: Account): Way => ({
  path: `/v2/images/${id}/file`,
  headers: { 'X-Auth-Token': token },
})

const readOf = ({ path, headers }: Way): Call => {
  const start = randomInt(sizeBytes / readBytes) * readBytes
  const Range = `bytes=${start}-${start + readBytes - 1}`
  return { request: requestText('GET', path, { ...headers, Range }), status: 206 }
}

const reading = (lab: Lab, name: string, { pid, port }: Served, way: Way): Contestant => ({
  name,
  pid,
  run: async (durationMs) => {
    const some = () => Array.from({ length: readsAtOnce }, () => readOf(way))
    let seconds = 0
    let count = 0
    while (seconds * 1000 < durationMs) {
      const result = await lab.load.once({ port, connections: Array.from({ length: connections }, some) })
      seconds += result.seconds
      count += connections * readsAtOnce
    }
    return { count, seconds }
  },
})

const rowOf = (
  samples: Samples,
  [name, floor]: readonly [string, string],
  unit: string,
  { ratio, goal, note }: { ratio: number; goal: number; note: string },
): Row => ({
  name,
  ours: { value: medianOf(samples, name, 'perSecond'), unit },
  floor: { value: medianOf(samples, floor, 'perSecond'), unit, what: floor },
  ratio,
  target: `>= ${goal}`,
  met: ratio >= goal,
  notes: [rangeOf(samples, name, floor), note],
})

/** What asks for bytes over a link, against who asks with a token: the whole, and as a machine reads that boots over it. */
export const linkDownload = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, lab.cores.measured)
  const { id } = await uploadNew(lab, service, sizeBytes)
  const { pathname } = new URL(await createLink(service.url, service.producer, id))
  const token = byToken(id, service.producer)
  const link: Way = { path: pathname, headers: {} }
  const whole = [`download of ${size(sizeBytes)} over a link`, 'with a token'] as const
  const reads = [`reads of 4 KiB over a link, ${connections} connections`, 'reads with a token'] as const
  const withToken = downloadOf(id, service.producer, sizeBytes)
  const samples = await takeTurns(
    [
      repeating(lab, whole[1], service, withToken),
      repeating(lab, whole[0], service, { ...withToken, head: requestText('GET', link.path, link.headers) }),
      reading(lab, reads[1], service, token),
      reading(lab, reads[0], service, link),
    ],
    { warmUpMs: 500, rounds: 6, roundMs: 1500 },
  )
  await deleteImage(service.url, service.producer, id)
  const saturated = saturatedRatio(samples, ...reads)
  return [
    rowOf(samples, whole, 'GB/s', {
      ratio: ratioOf(samples, ...whole),
      goal: target,
      note: 'one connection at a time, from the memory of the system; whether the link may go on is asked every two seconds',
    }),
    rowOf(samples, reads, '/s', { ...saturated, goal: readTarget }),
  ]
}
