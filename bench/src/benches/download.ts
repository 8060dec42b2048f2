import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { deleteImage, requestText } from '../api.ts'
import type { Lab } from '../lab.ts'
import type { Transfer } from '../load-job.ts'
import { findNginx, startNginx } from '../nginx.ts'
import type { Row } from '../report.ts'
import { cpuRatioOf, medianOf, percent, ratioOf, takeTurns } from '../rounds.ts'
import { downloadOf, gibibyte, repeating, size, uploadNew } from './transfers.ts'

const images = 10_000
const target = 0.8
const sizeBytes = gibibyte
const roundMs = 2500

/** The file in which the service keeps the bytes: the only one of this size. */
const storedFile = async (folder: string): Promise<string> => {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && (await stat(path)).size === sizeBytes) return path
  }
  throw new Error(`There is no file of ${size(sizeBytes)} in ${folder}.`)
}

/** One download at a time, against nginx sending the same file. */
export const download = async (lab: Lab): Promise<Row[]> => {
  const row: Row = {
    name: `download of ${size(sizeBytes)}`,
    ours: null,
    floor: null,
    ratio: null,
    target: `>= ${target}`,
    met: null,
    notes: [],
  }
  const program = findNginx(lab.say)
  if ('missing' in program) return [{ ...row, notes: [`could not be measured: ${program.missing}`] }]

  const core = lab.cores.measured
  await using service = await lab.serve(images, core)
  const { id } = await uploadNew(lab, service, sizeBytes)
  const files = join(service.data, 'images')
  const path = `/${relative(files, await storedFile(files))
    .split(sep)
    .join('/')}`
  await using nginx = await startNginx(program.path, { folder: join(lab.folder, 'nginx'), files, core })
  const fromNginx: Transfer = { direction: 'download', head: requestText('GET', path, {}), sizeBytes, status: 200 }
  const samples = await takeTurns(
    [
      repeating(lab, 'nginx', nginx, fromNginx),
      repeating(lab, 'ours', service, downloadOf(id, service.producer, sizeBytes)),
    ],
    { warmUpMs: roundMs, rounds: 5, roundMs },
  )
  await deleteImage(service.url, service.producer, id)
  const ratio = ratioOf(samples, 'ours', 'nginx')
  return [
    {
      ...row,
      ours: { value: medianOf(samples, 'ours', 'perSecond'), unit: 'GB/s' },
      floor: { value: medianOf(samples, 'nginx', 'perSecond'), unit: 'GB/s', what: 'nginx with sendfile' },
      ratio,
      met: ratio >= target,
      notes: [
        'one connection at a time, the same file, from the memory of the system (the disk is not read)',
        `nginx ${percent(medianOf(samples, 'nginx', 'busy'))} busy, ours ${percent(medianOf(samples, 'ours', 'busy'))}; ` +
          `by processor time the ratio is ${cpuRatioOf(samples, 'ours', 'nginx').toFixed(2)}`,
      ],
    },
  ]
}
