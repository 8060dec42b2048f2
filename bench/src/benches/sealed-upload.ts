import { deleteImage } from '../api.ts'
import type { Lab, Served } from '../lab.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { aesAlone } from './aes.ts'
import { gibibyte, size, uploadNew } from './transfers.ts'

const images = 10_000
const target = 0.9
const sizeBytes = gibibyte
const rounds = 4

const uploading = (lab: Lab, name: string, service: Served, form: 'plain' | 'sealed'): Contestant => ({
  name,
  pid: service.pid,
  run: async () => {
    const { id, seconds } = await uploadNew(lab, service, sizeBytes, form)
    await deleteImage(service.url, service.producer, id)
    return { count: sizeBytes / 1e9, seconds }
  },
})

/** Processor time of the service in seconds, for each GiB. */
const cpuOf = (samples: Samples, name: string): string =>
  ((medianOf(samples, name, 'cpuSecondsEach') * gibibyte) / 1e9).toFixed(2)

/** One upload at a time that is encrypted on its way, against one that is not. */
export const sealedUpload = async (lab: Lab): Promise<Row[]> => {
  const plain = 'plain'
  const sealed = `sealed upload of ${size(sizeBytes)}`
  const aes = aesAlone(lab, 'seal', sizeBytes)
  await using service = await lab.serve(images, null)
  const samples = await takeTurns(
    [uploading(lab, plain, service, 'plain'), uploading(lab, sealed, service, 'sealed'), ...aes.contestants],
    { warmUpMs: 0, rounds, roundMs: 0 },
  )
  const ratio = ratioOf(samples, sealed, plain)
  return [
    {
      name: sealed,
      ours: { value: medianOf(samples, sealed, 'perSecond'), unit: 'GB/s' },
      floor: { value: medianOf(samples, plain, 'perSecond'), unit: 'GB/s', what: 'plain upload' },
      ratio,
      target: `>= ${target}`,
      met: ratio >= target,
      notes: [
        `processor time of the service for each GiB: sealed ${cpuOf(samples, sealed)} s, plain ${cpuOf(samples, plain)} s`,
        'the hashes bound both: they run in threads, the encryption where the bytes arrive; the service may use every core',
      ],
    },
    ...aes.rows(samples, sealed),
  ]
}
