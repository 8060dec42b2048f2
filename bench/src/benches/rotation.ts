import { setTimeout as pause } from 'node:timers/promises'
import { syncsPerSecond } from '../floors.ts'
import { isRotating, rotateKey } from '../keys-api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Call } from '../load-job.ts'
import { cpuSeconds } from '../process-usage.ts'
import type { Row } from '../report.ts'
import { median, percent, quantile } from '../rounds.ts'
import { underOneKey } from '../seed-sealed.ts'
import { createFor, downloadOf, uploadTo } from './transfers.ts'

const images = 10_000
const small = { count: 32, sizeBytes: 64 * 1024 }
/** The others have no bytes: a rotation does not read those. */
const seeded = images - small.count
/** Downloads while nothing else goes on, and in each part of a rotation. */
const paced = { everyMs: 10, count: 50, connections: 8 }
const quietParts = 10
const rotations = 3
const targetPerSecond = 1000
const targetMs = 50
const pollMs = 50

/** Uploads small images under the key; whoever downloads one opens its seal. */
const smallImages = async (lab: Lab, service: Running, keyId: string): Promise<Call[]> => {
  const { port, producer } = service
  const ids: string[] = []
  for (let count = 0; count < small.count; count += 1) ids.push(await createFor(service, 'sealed', keyId))
  await lab.load.transfers({ port, transfers: ids.map((id) => uploadTo(id, producer, small.sizeBytes)) })
  return ids.map((id) => {
    const { head, status } = downloadOf(id, producer, small.sizeBytes)
    return { request: head, status }
  })
}

const untilRotated = async ({ url, producer }: Running, keyId: string): Promise<void> => {
  while (await isRotating(url, producer, keyId)) await pause(pollMs)
}

interface Rotated {
  readonly seconds: number
  readonly cpuSeconds: number
  /** Of the downloads while it went on. */
  readonly delaysMs: readonly number[]
}

const rotateOnce = async (
  lab: Lab,
  service: Running,
  keyId: string,
  calls: readonly Call[] | undefined,
): Promise<Rotated> => {
  const { url, port, pid, producer } = service
  const before = cpuSeconds(pid) ?? Number.NaN
  const started = performance.now()
  await rotateKey(url, producer, keyId)
  let endedMs = Number.POSITIVE_INFINITY
  const ending = untilRotated(service, keyId).then(() => {
    endedMs = performance.now()
  })
  const delaysMs: number[] = []
  while (calls !== undefined && endedMs === Number.POSITIVE_INFINITY) {
    const part = await lab.load.paced({ port, calls, ...paced })
    // A part that outlasts the rotation is none of its.
    if (endedMs === Number.POSITIVE_INFINITY) delaysMs.push(...part.delaysMs)
  }
  await ending
  return {
    seconds: (endedMs - started) / 1000,
    cpuSeconds: (cpuSeconds(pid) ?? Number.NaN) - before,
    delaysMs,
  }
}

const told = (delaysMs: readonly number[]): string =>
  `p50 ${quantile(delaysMs, 0.5).toFixed(1)} ms, p99 ${quantile(delaysMs, 0.99).toFixed(1)} ms, at most ` +
  `${Math.max(...delaysMs).toFixed(0)} ms of ${delaysMs.length.toLocaleString('en')}`

/** A key that many images need gets new material: how long that takes, and what others notice of it. */
export const rotation = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serveFilled(underOneKey(seeded), { core: lab.cores.measured })
  const { keyId, port } = service
  const calls = await smallImages(lab, service, keyId)
  const quiet: number[] = []
  for (let part = 0; part < quietParts; part += 1) {
    quiet.push(...(await lab.load.paced({ port, calls, ...paced })).delaysMs)
  }
  const alone: Rotated[] = []
  const shared: Rotated[] = []
  for (let count = 0; count < rotations; count += 1) {
    alone.push(await rotateOnce(lab, service, keyId, undefined))
    shared.push(await rotateOnce(lab, service, keyId, calls))
  }
  const perSecond = median(alone.map(({ seconds }) => images / seconds))
  const during = shared.flatMap(({ delaysMs }) => delaysMs)
  const p99 = quantile(during, 0.99)
  const quietP99 = quantile(quiet, 0.99)
  const syncs = await syncsPerSecond(lab.folder)
  const cpuEach = median(alone.map((one) => one.cpuSeconds)) / images
  const shownSeconds = (all: readonly Rotated[]) => median(all.map(({ seconds }) => seconds)).toFixed(1)
  return [
    {
      name: `rotation of a key of ${images.toLocaleString('en')} images`,
      ours: { value: perSecond, unit: 'images/s' },
      floor: null,
      ratio: null,
      target: `>= ${targetPerSecond.toLocaleString('en')} images/s`,
      met: perSecond >= targetPerSecond,
      notes: [
        `${shownSeconds(alone)} s from the call until every data key is wrapped anew; ${shownSeconds(shared)} s with ` +
          `${1000 / paced.everyMs} downloads a second beside it`,
        `${(cpuEach * 1e6).toFixed(0)} µs of processor time for each, ` +
          `${percent(median(alone.map((one) => one.cpuSeconds / one.seconds)))} busy; this disk alone makes ` +
          `${Math.round(syncs).toLocaleString('en')} pages a second durable, one after the other`,
      ],
    },
    {
      name: 'download of small sealed images meanwhile, p99',
      ours: { value: p99, unit: 'ms' },
      floor: { value: quietP99, unit: 'ms', what: 'without a rotation' },
      ratio: p99 / quietP99,
      target: `<= ${targetMs} ms`,
      met: during.length === 0 ? null : p99 <= targetMs,
      notes: [
        `images of ${small.sizeBytes / 1024} KiB under the same key, ${1000 / paced.everyMs} a second, each timed from the ` +
          'moment that it was due',
        during.length === 0
          ? 'the rotations were over before any was measured'
          : `during rotations ${told(during)}; without ${told(quiet)}`,
      ],
    },
  ]
}
