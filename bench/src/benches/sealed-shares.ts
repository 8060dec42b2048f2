import { setTimeout as pause } from 'node:timers/promises'
import { requestText } from '../api.ts'
import { countKeyEvents } from '../keys-api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Call } from '../load-job.ts'
import { cpuSeconds } from '../process-usage.ts'
import type { Row } from '../report.ts'
import { type Contestant, cpuRatioOf, medianOf, ratioOf, takeTurns } from '../rounds.ts'
import { membersOfShown } from '../seed.ts'
import { imagesToCycle, type Keyed } from '../seed-sealed.ts'

const images = 10_000
const target = 0.25
const lists = 8
const imagesEach = 25
const idleMs = 200
const idlePart = 0.1

/** The producer shares and lets use the key in one call, the consumer accepts, the producer withdraws. */
const cycle = ({ producer, consumer }: Running, imageId: string, grant: boolean): Call[] => {
  const own = `/v2/images/${imageId}/members/${consumer.projectId}`
  const json = (token: string) => ({ 'X-Auth-Token': token, 'Content-Type': 'application/json' })
  // What is refused is told in the body of the first call; then there is nothing to accept, and the second fails.
  const body = { action: 'share', images: [imageId], projects: [consumer.projectId], ...(grant ? { grant } : {}) }
  return [
    { request: requestText('POST', '/v2/shares', json(producer.token), JSON.stringify(body)), status: 200 },
    { request: requestText('PUT', own, json(consumer.token), JSON.stringify({ status: 'accepted' })), status: 200 },
    { request: requestText('DELETE', own, { 'X-Auth-Token': producer.token }), status: 204 },
  ]
}

interface Cycled extends Contestant {
  /** Cycles so far. */
  readonly cycles: () => number
}

/** Waits until the service has nothing to do any more. */
const untilIdle = async (pid: number): Promise<void> => {
  for (let before = cpuSeconds(pid); ; ) {
    await pause(idleMs)
    const now = cpuSeconds(pid)
    if (now === undefined || before === undefined || now - before < idlePart * (idleMs / 1000)) return
    before = now
  }
}

/**
 * Every image once, so that no share finds the grant of the one before. Grants are taken back after the answer: the processor
 * time for that is counted, by the clock it is not, and nobody else is measured meanwhile.
 */
const cycling = (
  lab: Lab,
  name: string,
  service: Running,
  lists: readonly (readonly string[])[],
  grant: boolean,
): Cycled => {
  const { pid, port } = service
  const connections = lists.map((ids) => ids.flatMap((id) => cycle(service, id, grant)))
  const count = lists.flat().length
  let cycles = 0
  return {
    name,
    pid,
    cycles: () => cycles,
    run: async () => {
      const { seconds } = await lab.load.once({ port, connections })
      await untilIdle(pid)
      cycles += count
      return { count, seconds }
    },
  }
}

/** How many lines of each type the logs of keys have. */
const told = async ({ url, producer }: Running, keyIds: readonly string[]): Promise<Map<string, number>> => {
  const all = new Map<string, number>()
  for (const keyId of keyIds) {
    for (const [type, count] of await countKeyEvents(url, producer, keyId)) {
      all.set(type, (all.get(type) ?? 0) + count)
    }
  }
  return all
}

/** Sharing together with the right to read, against sharing what is plain. */
export const sealedShares = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serveFilled(imagesToCycle(images, lists, imagesEach), { core: lab.cores.measured })
  const plain = cycling(lab, 'plain images', service, service.plain, false)
  const apart = cycling(lab, 'share cycles with grant', service, service.apart.imageIds, true)
  const together = cycling(
    lab,
    `the same, one key of ${images.toLocaleString('en')} images`,
    service,
    service.together.imageIds,
    true,
  )
  const samples = await takeTurns([plain, apart, together], { warmUpMs: 0, rounds: 6, roundMs: 0 })
  const work = ({ name }: Contestant) =>
    `${(medianOf(samples, name, 'cpuSecondsEach') * 1e6).toFixed(0)} µs of processor time a cycle`
  const rowOf = async (one: Cycled, { keyIds }: Keyed, goal: number | null, note: string): Promise<Row> => {
    const ratio = ratioOf(samples, one.name, plain.name)
    const counts = await told(service, keyIds)
    const each = (type: string) => ((counts.get(type) ?? 0) / one.cycles()).toFixed(2)
    return {
      name: one.name,
      ours: { value: medianOf(samples, one.name, 'perSecond'), unit: 'cycles/s' },
      floor: { value: medianOf(samples, plain.name, 'perSecond'), unit: 'cycles/s', what: plain.name },
      ratio,
      target: goal === null ? null : `>= ${goal}`,
      met: goal === null ? null : ratio >= goal,
      notes: [
        note,
        `with grant ${work(one)}, plain ${work(plain)}; by that the ratio is ` +
          `${cpuRatioOf(samples, one.name, plain.name).toFixed(2)}`,
        `for each cycle, the logs of the keys tell of ${each('key.grant')} grants, ${each('key.revoke')} taken back, and ` +
          `${each('key.prove')} proofs`,
      ],
    }
  }
  return [
    await rowOf(
      apart,
      service.apart,
      target,
      `${lists} connections, ${imagesEach} images each with ${membersOfShown - 1} other members; every one has a key of its ` +
        'own, which nobody else is let use',
    ),
    await rowOf(
      together,
      service.together,
      null,
      'shares that stand at the same time have one grant, so there are fewer',
    ),
  ]
}
