import { setTimeout as pause } from 'node:timers/promises'
import { deleteImage } from '../api.ts'
import type { Lab, Served } from '../lab.ts'
import { residentBytes, watchPeak } from '../process-usage.ts'
import type { Row } from '../report.ts'
import { median } from '../rounds.ts'
import { createFor, downloadOf, gibibyte, size, transfer, uploadNew, uploadTo } from './transfers.ts'

const images = 10_000
const targetMiB = 200
const each = 32
const warmUpBytes = 64 * 1024 ** 2

const mebibytes = (bytes: number): number => bytes / 1024 ** 2

/** The size that the disk has room for: one image to download, those uploaded, and a few to spare. */
const affordable = async (lab: Lab): Promise<number> => {
  const free = await lab.freeBytes()
  const step = 64 * 1024 ** 2
  return Math.min(gibibyte, Math.floor(free / (each + 4) / step) * step)
}

const warmUp = async (lab: Lab, service: Served, form: 'plain' | 'sealed'): Promise<void> => {
  const { id } = await uploadNew(lab, service, warmUpBytes, form)
  await transfer(lab, service.port, downloadOf(id, service.producer, warmUpBytes))
  await deleteImage(service.url, service.producer, id)
}

/** What the process holds while nothing is asked of it: the median of two seconds. */
const idleBytes = async (pid: number): Promise<number> => {
  await pause(1000)
  const samples: number[] = []
  for (let count = 0; count < 20; count += 1) {
    samples.push(residentBytes(pid) ?? Number.NaN)
    await pause(100)
  }
  return median(samples)
}

const run = async (lab: Lab, service: Served, sizeBytes: number, form: 'plain' | 'sealed') => {
  const { url, port, producer, pid } = service
  const source = await uploadNew(lab, service, sizeBytes, form)
  const ids: string[] = []
  for (let count = 0; count < each; count += 1) ids.push(await createFor(service, form))
  const uploads = ids.map((id) => uploadTo(id, producer, sizeBytes))
  const downloads = ids.map(() => downloadOf(source.id, producer, sizeBytes))

  const peak = watchPeak(pid)
  const { seconds } = await lab.load.transfers({ port, transfers: [...uploads, ...downloads] })
  const peakBytes = peak()
  for (const id of [source.id, ...ids]) await deleteImage(url, producer, id)
  return {
    peakBytes,
    uploadSeconds: Math.max(...seconds.slice(0, each)),
    downloadSeconds: Math.max(...seconds.slice(each)),
  }
}

const measure = async (lab: Lab, form: 'plain' | 'sealed'): Promise<Row[]> => {
  const sizeBytes = await affordable(lab)
  const row: Row = {
    name: `memory of ${each} ${form === 'sealed' ? 'sealed ' : ''}uploads + ${each} downloads of ${size(sizeBytes)}`,
    ours: null,
    floor: null,
    ratio: null,
    target: `< ${targetMiB} MiB above idle`,
    met: null,
    notes: [],
  }
  if (residentBytes(process.pid) === undefined) {
    return [{ ...row, notes: ['could not be measured: this system does not tell what a process holds'] }]
  }
  await using service = await lab.serve(images, null)
  const fresh = await idleBytes(service.pid)
  await warmUp(lab, service, form)
  const idle = await idleBytes(service.pid)
  const { peakBytes, uploadSeconds, downloadSeconds } = await run(lab, service, sizeBytes, form)
  const above = mebibytes(peakBytes - idle)
  const small = sizeBytes < gibibyte ? [`the disk has no room for ${each} times ${size(gibibyte)}`] : []
  return [
    {
      ...row,
      ours: { value: above, unit: 'MiB' },
      met: above < targetMiB,
      notes: [
        `resident ${mebibytes(fresh).toFixed(0)} MiB after the start, ${mebibytes(idle).toFixed(0)} MiB idle after one ` +
          `upload and one download of ${size(warmUpBytes)}, at most ${mebibytes(peakBytes).toFixed(0)} MiB under way, ` +
          `which is ${mebibytes(peakBytes - fresh).toFixed(0)} MiB above the start`,
        `all began at once; the last download took ${downloadSeconds.toFixed(0)} s, the last upload ` +
          `${uploadSeconds.toFixed(0)} s (${((each * sizeBytes) / 1e9 / uploadSeconds).toFixed(2)} GB/s together)`,
        ...small,
      ],
    },
  ]
}

/** What many transfers at once add to the memory of the service. */
export const memory = (lab: Lab): Promise<Row[]> => measure(lab, 'plain')

/** The same of images that are encrypted on their way in and decrypted on their way out. */
export const sealedMemory = (lab: Lab): Promise<Row[]> => measure(lab, 'sealed')
