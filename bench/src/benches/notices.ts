import { setTimeout as pause } from 'node:timers/promises'
import { clockMs } from '../clock.ts'
import type { Lab, Running } from '../lab.ts'
import { type MailSink, startMailSink } from '../mail-sink.ts'
import type { Row } from '../report.ts'
import { medianOf, quantile, saturatedRatio, takeTurns } from '../rounds.ts'
import { imagesWithNotices, type Watcher, watchers } from '../seed-sharing.ts'
import { cycling } from './members.ts'

const images = 10_000
/** Telling of a change may cost as much as the change, not more. */
const cycleTarget = 0.5

const cyclesRow = async (lab: Lab): Promise<Row> => {
  const core = lab.cores.measured
  await using sink = await startMailSink(lab.cores.load)
  await using plain = await lab.serve(images, core)
  const settings = { smtp_url: sink.url, limits: { new_shares_per_project_hour: -1 } }
  await using told = await lab.serveFilled(imagesWithNotices(images), { core, settings })
  const samples = await takeTurns([cycling(lab, 'without', plain), cycling(lab, 'with', told)], {
    warmUpMs: 2000,
    rounds: 6,
    roundMs: 1500,
  })
  const { ratio, note } = saturatedRatio(samples, 'with', 'without')
  return {
    name: 'share cycles with notice addresses',
    ours: { value: medianOf(samples, 'with', 'perSecond'), unit: 'cycles/s' },
    floor: { value: medianOf(samples, 'without', 'perSecond'), unit: 'cycles/s', what: 'without' },
    ratio,
    target: `>= ${cycleTarget}`,
    met: ratio >= cycleTarget,
    notes: [
      'producer and consumer have a mailbox each; every cycle gives rise to three notices, of which the first of the day ' +
        'are sent at once and the others wait for a digest',
      note,
    ],
  }
}

/** Instants on the clock of all processes. */
interface Times {
  readonly answeredMs: number
  readonly mailedMs: number
  readonly streamedMs: number
}

/** Reads the live stream of the producer until the end; tells of every share when it came. */
const readStream = async (
  { url, producer }: Running,
  signal: AbortSignal,
  seen: Map<string, number>,
): Promise<() => Promise<void>> => {
  const response = await fetch(`${url}/v2/activity/stream`, { headers: { 'x-auth-token': producer.token }, signal })
  if (response.status !== 200 || response.body === null) {
    throw new Error(`The live stream was answered ${response.status}.`)
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  // It has begun when it has said where it stands.
  let text = (await reader.read()).value ?? ''
  const read = async (): Promise<void> => {
    for (;;) {
      const { value, done } = await reader.read()
      const atMs = clockMs()
      if (done) return
      text += value
      const frames = text.split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) {
        const image = /^event: member\.create$/m.test(frame) ? /"image_id":"([^"]+)"/.exec(frame)?.[1] : undefined
        if (image !== undefined) seen.set(image, atMs)
      }
    }
  }
  const reading = read().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return () => reading
}

const share = async ({ url, producer }: Running, { imageId, projectId }: Watcher): Promise<number> => {
  const response = await fetch(`${url}/v2/images/${imageId}/members`, {
    method: 'POST',
    headers: { 'x-auth-token': producer.token, 'content-type': 'application/json' },
    body: JSON.stringify({ member: projectId }),
  })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`A share was answered ${response.status}.`)
  return clockMs()
}

const patienceMs = 30_000

/** Shares in order, one every so often, and waits until all was told. */
const shareAll = async (
  service: Running,
  sink: MailSink,
  seen: ReadonlyMap<string, number>,
  them: readonly Watcher[],
  everyMs: number,
): Promise<Times[]> => {
  const began = clockMs()
  const before = sink.arrivals.length
  const answered: Promise<number>[] = []
  for (const [index, one] of them.entries()) {
    const waitMs = began + index * everyMs - clockMs()
    if (waitMs > 0) await pause(waitMs)
    const answer = share(service, one)
    // Whoever waits for all of them below learns of it.
    answer.catch(() => undefined)
    answered.push(answer)
  }
  const answeredMs = await Promise.all(answered)
  const isAllTold = () => sink.arrivals.length - before >= them.length && them.every(({ imageId }) => seen.has(imageId))
  for (const end = clockMs() + patienceMs; !isAllTold(); ) {
    if (clockMs() > end) throw new Error(`Of ${them.length} shares, ${sink.arrivals.length - before} mails came.`)
    await pause(20)
  }
  const came = sink.arrivals.slice(before)
  const mailed = new Map(came.map(({ mailbox, atMs }) => [mailbox, atMs]))
  if (came.length !== them.length || mailed.size !== them.length) {
    throw new Error(`For ${them.length} shares, ${came.length} mails came to ${mailed.size} mailboxes.`)
  }
  return them.map(({ mailbox, imageId }, index) => ({
    answeredMs: answeredMs[index] ?? Number.NaN,
    mailedMs: mailed.get(mailbox) ?? Number.NaN,
    streamedMs: seen.get(imageId) ?? Number.NaN,
  }))
}

const steady = { count: 300, everyMs: 40 }
const seldom = { count: 60, everyMs: 250 }
const burst = 300
const targetMs = 500

const delayRow = (name: string, paced: readonly number[], alone: readonly number[]): Row => {
  const p99 = quantile(paced, 0.99)
  const told = (values: readonly number[]) =>
    `p50 ${quantile(values, 0.5).toFixed(0)} ms, p99 ${quantile(values, 0.99).toFixed(0)} ms`
  return {
    name: `${name}, p99`,
    ours: { value: p99, unit: 'ms' },
    floor: null,
    ratio: null,
    target: `<= ${targetMs} ms`,
    met: p99 <= targetMs,
    notes: [
      `${steady.count} shares, ${1000 / steady.everyMs} a second: ${told(paced)}`,
      `${seldom.count} shares, ${1000 / seldom.everyMs} a second: ${told(alone)}`,
    ],
  }
}

const delayRows = async (lab: Lab): Promise<Row[]> => {
  await using sink = await startMailSink(lab.cores.load)
  await using service = await lab.serveFilled(watchers(steady.count + seldom.count + burst), {
    core: lab.cores.measured,
    settings: { smtp_url: sink.url },
  })
  const leaving = new AbortController()
  const seen = new Map<string, number>()
  const left = await readStream(service, leaving.signal, seen)
  const [first, second] = [seldom.count, seldom.count + steady.count]
  try {
    const them = service.watchers
    const alone = await shareAll(service, sink, seen, them.slice(0, first), seldom.everyMs)
    const paced = await shareAll(service, sink, seen, them.slice(first, second), steady.everyMs)
    const began = clockMs()
    const crowd = await shareAll(service, sink, seen, them.slice(second), 0)
    const mail = (all: readonly Times[]) => all.map(({ answeredMs, mailedMs }) => mailedMs - answeredMs)
    const stream = (all: readonly Times[]) => all.map(({ answeredMs, streamedMs }) => streamedMs - answeredMs)
    const lastMs = Math.max(...crowd.map(({ mailedMs }) => mailedMs)) - began
    return [
      delayRow('share to mail accepted', mail(paced), mail(alone)),
      delayRow('share to live stream', stream(paced), stream(alone)),
      {
        name: `mails of ${burst} shares at once`,
        ours: { value: burst / (lastMs / 1000), unit: 'mails/s' },
        floor: null,
        ratio: null,
        target: null,
        met: null,
        notes: [
          `the last mail was taken ${(lastMs / 1000).toFixed(2)} s after the first share was asked for; the live stream ` +
            `had all after ${((Math.max(...crowd.map(({ streamedMs }) => streamedMs)) - began) / 1000).toFixed(2)} s`,
        ],
      },
    ]
  } finally {
    leaving.abort()
    await left()
  }
}

/** What it costs, and how long it takes, to tell of shares. */
export const notices = async (lab: Lab): Promise<Row[]> => [await cyclesRow(lab), ...(await delayRows(lab))]
