import { deleteImage } from '../api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, rangeOf, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { sdkSeconds, startS3 } from '../s3.ts'
import { noImages } from '../seed.ts'
import { gibibyte, size, uploadNew } from './transfers.ts'

/** The S3 server keeps all in memory. */
const sizeBytes = 256 * 1024 ** 2
const rounds = 6

const uploading = (lab: Lab, name: string, service: Running, store: 'far' | 'near'): Contestant => ({
  name,
  pid: service.pid,
  run: async () => {
    const { id, seconds } = await uploadNew(lab, service, sizeBytes, 'plain', store)
    await deleteImage(service.url, service.producer, id)
    return { count: sizeBytes / 1e9, seconds }
  },
})

const rowOf = (samples: Samples, name: string, floor: string, notes: readonly string[]): Row => ({
  name,
  ours: { value: medianOf(samples, name, 'perSecond'), unit: 'GB/s' },
  floor: { value: medianOf(samples, floor, 'perSecond'), unit: 'GB/s', what: floor },
  ratio: ratioOf(samples, name, floor),
  target: null,
  met: null,
  notes: [rangeOf(samples, name, floor), ...notes],
})

/** Processor time of the service in seconds, for each GiB. */
const cpuOf = (samples: Samples, name: string): string =>
  ((medianOf(samples, name, 'cpuSecondsEach') * gibibyte) / 1e9).toFixed(2)

/** Uploads into S3, against the same into a folder and against the SDK of S3 with no service around it. */
export const s3Upload = async (lab: Lab): Promise<Row[]> => {
  await using s3 = await startS3(null)
  await using service = await lab.serveFilled(noImages('s3-upload'), {
    core: null,
    settings: { stores: `far=${s3.location('upload')},near=file://${lab.folder}/near-upload` },
  })
  const far = `upload of ${size(sizeBytes)} into S3`
  const samples = await takeTurns(
    [
      {
        name: 'SDK alone',
        pid: null,
        run: async () => ({ count: sizeBytes / 1e9, seconds: await sdkSeconds(s3, 'upload', sizeBytes, null) }),
      },
      uploading(lab, far, service, 'far'),
      uploading(lab, 'folder', service, 'near'),
    ],
    { warmUpMs: 0, rounds, roundMs: 0 },
  )
  return [
    rowOf(samples, far, 'SDK alone', [
      `the S3 server of the tests, which takes the md5 and the sha256 of each part on one core; all may use every core`,
    ]),
    rowOf(samples, far, 'folder', [
      `processor time of the service for each GiB: into S3 ${cpuOf(samples, far)} s, into a folder ${cpuOf(samples, 'folder')} s; ` +
        'each part for S3 is also hashed with sha256, for its signature',
    ]),
  ]
}
