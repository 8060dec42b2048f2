import { requestText } from '../api.ts'
import { countKeyEvents } from '../keys-api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Call } from '../load-job.ts'
import type { Row } from '../report.ts'
import { type Contestant, cpuRatioOf, medianOf, percent, ratioOf, takeTurns } from '../rounds.ts'
import { imagesToCycle } from '../seed-sealed.ts'
import { repeating } from './members.ts'

const images = 10_000
const target = 0.25

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

const cyclingThese = (lab: Lab, name: string, service: Running, ids: readonly string[], grant: boolean): Cycled => {
  const lists = ids.map((id) => cycle(service, id, grant))
  const contestant = repeating(lab, name, service, lists)
  let cycles = 0
  return {
    ...contestant,
    cycles: () => cycles,
    run: async (durationMs) => {
      const result = await contestant.run(durationMs)
      // Those that began in time and ended too late are not counted in the result.
      cycles += result.count + lists.length
      return result
    },
  }
}

/** How many grants and proofs the logs of the keys have. */
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
  await using service = await lab.serveFilled(imagesToCycle(images), { core: lab.cores.measured })
  const plain = cyclingThese(lab, 'plain', service, service.cycledIds, false)
  const apart = cyclingThese(lab, 'share cycles with grant, a key an image', service, service.ownKeys.imageIds, true)
  const joint = cyclingThese(lab, 'the same, one key for all images', service, service.oneKey.imageIds, true)
  const samples = await takeTurns([plain, apart, joint], { warmUpMs: 1500, rounds: 6, roundMs: 1500 })
  const row = async (one: Cycled, keyIds: readonly string[], goal: number | null): Promise<Row> => {
    const ratio = ratioOf(samples, one.name, plain.name)
    const counts = await told(service, keyIds)
    const each = (type: string) => ((counts.get(type) ?? 0) / one.cycles()).toFixed(2)
    const work = (name: string) =>
      `${percent(medianOf(samples, name, 'busy'))} busy, ${(medianOf(samples, name, 'cpuSecondsEach') * 1e6).toFixed(0)} µs a cycle`
    return {
      name: one.name,
      ours: { value: medianOf(samples, one.name, 'perSecond'), unit: 'cycles/s' },
      floor: { value: medianOf(samples, plain.name, 'perSecond'), unit: 'cycles/s', what: 'plain images' },
      ratio,
      target: goal === null ? null : `>= ${goal}`,
      met: goal === null ? null : ratio >= goal,
      notes: [
        `with grant ${work(one.name)}; plain ${work(plain.name)}; by processor time the ratio is ` +
          `${cpuRatioOf(samples, one.name, plain.name).toFixed(2)}`,
        `for each cycle, the log of the keys tells of ${each('key.grant')} grants, ${each('key.revoke')} taken back, and ` +
          `${each('key.prove')} proofs: a share that begins before the grant of the last one is taken back needs none`,
      ],
    }
  }
  return [await row(apart, service.ownKeys.keyIds, target), await row(joint, service.oneKey.keyIds, null)]
}
