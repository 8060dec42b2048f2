import { type Account, beginUpload, deleteImage, requestText } from '../api.ts'
import { hashSeconds } from '../floors.ts'
import type { Lab, Served } from '../lab.ts'
import type { Transfer } from '../load-job.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, rangeOf, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { createFor, gibibyte, size, transfer, uploadNew } from './transfers.ts'

const images = 10_000
const sizeBytes = gibibyte
const partBytes = 16 * 1024 ** 2
const target = 0.9
const rounds = 4

const partAt = (path: string, { token }: Account, offset: number, lengthBytes: number): Transfer => ({
  direction: 'upload',
  head: requestText('PATCH', path, {
    'X-Auth-Token': token,
    'Tus-Resumable': '1.0.0',
    'Upload-Offset': offset,
    'Content-Type': 'application/offset+octet-stream',
    'Content-Length': lengthBytes,
  }),
  sizeBytes: lengthBytes,
  status: 204,
})

/** Uploads a new image in parts, and deletes it. @returns seconds of the parts */
const uploadInParts = async (lab: Lab, service: Served, lengthBytes: number): Promise<number> => {
  const { url, port, producer } = service
  const id = await createFor(service, 'plain')
  const path = await beginUpload(url, producer, id, sizeBytes)
  let seconds = 0
  for (let offset = 0; offset < sizeBytes; offset += lengthBytes) {
    seconds += await transfer(lab, port, partAt(path, producer, offset, lengthBytes))
  }
  await deleteImage(url, producer, id)
  return seconds
}

const once = (name: string, pid: number | null, run: () => Promise<number>): Contestant => ({
  name,
  pid,
  run: async () => ({ count: sizeBytes / 1e9, seconds: await run() }),
})

/** Processor time of the service in seconds, for each GiB. */
const cpuOf = (samples: Samples, name: string): string =>
  ((medianOf(samples, name, 'cpuSecondsEach') * gibibyte) / 1e9).toFixed(2)

const rowOf = (samples: Samples, name: string, floor: string, goal: number | null, notes: readonly string[]): Row => {
  const ratio = ratioOf(samples, name, floor)
  return {
    name,
    ours: { value: medianOf(samples, name, 'perSecond'), unit: 'GB/s' },
    floor: { value: medianOf(samples, floor, 'perSecond'), unit: 'GB/s', what: floor },
    ratio,
    target: goal === null ? null : `>= ${goal}`,
    met: goal === null ? null : ratio >= goal,
    notes: [rangeOf(samples, name, floor), ...notes],
  }
}

/** Resumable uploads, whole and in parts, against an upload in one request and against the slower hash. */
export const tusUpload = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, null)
  const whole = `resumable upload of ${size(sizeBytes)} in one part`
  const inParts = `the same in parts of ${size(partBytes)}`
  const samples = await takeTurns(
    [
      once('sha512 alone', null, () => hashSeconds(['sha512'], sizeBytes, lab.cores.measured)),
      once('PUT', service.pid, async () => {
        const { id, seconds } = await uploadNew(lab, service, sizeBytes)
        await deleteImage(service.url, service.producer, id)
        return seconds
      }),
      once(whole, service.pid, () => uploadInParts(lab, service, sizeBytes)),
      once(inParts, service.pid, () => uploadInParts(lab, service, partBytes)),
    ],
    { warmUpMs: 0, rounds, roundMs: 0 },
  )
  const work = (name: string) =>
    `processor time of the service for each GiB: ${cpuOf(samples, name)} s, of PUT ${cpuOf(samples, 'PUT')} s`
  const again = 'each part is durable when it is answered; with the last, all bytes are read once more and hashed'
  return [
    rowOf(samples, whole, 'PUT', target, [work(whole)]),
    rowOf(samples, whole, 'sha512 alone', null, []),
    rowOf(samples, inParts, 'PUT', null, [work(inParts), again]),
    rowOf(samples, inParts, 'sha512 alone', null, []),
  ]
}
