import { deleteImage } from '../api.ts'
import { hashSeconds, writeSeconds } from '../floors.ts'
import type { Lab, Served } from '../lab.ts'
import { cpuSeconds } from '../process-usage.ts'
import type { Row } from '../report.ts'
import { median } from '../rounds.ts'
import { gibibyte, size, uploadNew } from './transfers.ts'

const images = 10_000
const target = 0.85
const sizeBytes = gibibyte
const rounds = 3

/** Seconds; of `cpu`, on all cores together. */
interface Round {
  readonly md5: number
  readonly sha512: number
  readonly upload: number
  readonly cpu: number
}

const uploadOnce = async (lab: Lab, service: Served): Promise<Pick<Round, 'upload' | 'cpu'>> => {
  const before = cpuSeconds(service.pid) ?? Number.NaN
  const { id, seconds } = await uploadNew(lab, service, sizeBytes)
  const cpu = (cpuSeconds(service.pid) ?? Number.NaN) - before
  await deleteImage(service.url, service.producer, id)
  return { upload: seconds, cpu }
}

const measure = async (lab: Lab, core: number | null): Promise<Round[]> => {
  await using service = await lab.serve(images, core)
  await uploadOnce(lab, service)
  const measured: Round[] = []
  for (let round = 0; round < rounds; round += 1) {
    measured.push({
      md5: await hashSeconds(['md5'], sizeBytes, lab.cores.measured),
      sha512: await hashSeconds(['sha512'], sizeBytes, lab.cores.measured),
      ...(await uploadOnce(lab, service)),
    })
  }
  return measured
}

const speed = (seconds: number) => ({ value: sizeBytes / 1e9 / seconds, unit: 'GB/s' })
const slower = ({ md5, sha512 }: Round): number => Math.max(md5, sha512)

const rowOf = (name: string, measured: readonly Round[]): Row & { ratio: number } => ({
  name,
  ours: speed(median(measured.map(({ upload }) => upload))),
  floor: { ...speed(median(measured.map(slower))), what: 'slower hash alone' },
  ratio: median(measured.map((round) => slower(round) / round.upload)),
  target: null,
  met: null,
  notes: [],
})

const inGigabytes = (seconds: number): string => `${speed(seconds).value.toFixed(2)} GB/s`

/** One upload at a time, against hashing the same number of bytes in memory. */
export const upload = async (lab: Lab): Promise<Row[]> => {
  const free = await measure(lab, null)
  const bothAtOnce = await hashSeconds(['md5', 'sha512'], sizeBytes, null)
  const written = await writeSeconds(lab.folder, sizeBytes)
  const bounds =
    `md5 alone ${inGigabytes(median(free.map(({ md5 }) => md5)))}, sha512 alone ` +
    `${inGigabytes(median(free.map(({ sha512 }) => sha512)))}, both at once in two threads ${inGigabytes(bothAtOnce)}; ` +
    `writing and syncing a file without hashing ${inGigabytes(written)}`
  const main = rowOf(`upload of ${size(sizeBytes)}, hash threads on any core`, free)
  const pinned =
    lab.cores.measured === null
      ? []
      : [rowOf(`upload of ${size(sizeBytes)}, everything on one core`, await measure(lab, lab.cores.measured))]
  return [
    {
      ...main,
      target: `>= ${target}`,
      met: main.ratio >= target,
      notes: [
        bounds,
        `an upload takes ${median(free.map(({ cpu }) => cpu)).toFixed(1)} s of processor time of the service`,
        'md5 and sha512 are computed at the same time in threads, so the service may use every core here; the client ' +
          `takes its part of core ${lab.cores.load ?? 'any'} as well`,
      ],
    },
    ...pinned.map((row) => ({
      ...row,
      notes: [
        'both hashes, the network and the disk take turns on one core: no more than the sum of the hashes is possible',
      ],
    })),
  ]
}
