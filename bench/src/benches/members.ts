import { requestText } from '../api.ts'
import { syncsPerSecond } from '../floors.ts'
import type { Lab, Served } from '../lab.ts'
import type { Call } from '../load-job.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, percent, takeTurns } from '../rounds.ts'
import { cycledImages, membersOfShown } from '../seed.ts'

const images = 10_000
const target = 1000

/** The producer shares, the consumer accepts, the producer withdraws. */
const cycle = ({ producer, consumer }: Served, imageId: string): Call[] => {
  const members = `/v2/images/${imageId}/members`
  const own = `${members}/${consumer.projectId}`
  const json = (token: string) => ({ 'X-Auth-Token': token, 'Content-Type': 'application/json' })
  return [
    {
      request: requestText('POST', members, json(producer.token), JSON.stringify({ member: consumer.projectId })),
      status: 200,
    },
    { request: requestText('PUT', own, json(consumer.token), JSON.stringify({ status: 'accepted' })), status: 200 },
    { request: requestText('DELETE', own, { 'X-Auth-Token': producer.token }), status: 204 },
  ]
}

/** Durable changes of memberships, a connection an image. */
export const cycling = (lab: Lab, name: string, service: Served): Contestant => {
  const { pid, port } = service
  const connections = service.cycledIds.map((id) => cycle(service, id))
  return {
    name,
    pid,
    run: async (durationMs) => {
      const { rounds, seconds } = await lab.load.calls({ port, durationMs, connections })
      return { count: rounds, seconds }
    },
  }
}

/** How many such changes there are in a second. */
export const members = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, lab.cores.measured)
  const samples = await takeTurns([cycling(lab, 'ours', service)], {
    warmUpMs: 3000,
    rounds: 5,
    roundMs: 2000,
  })
  const perSecond = medianOf(samples, 'ours', 'perSecond')
  const syncs = await syncsPerSecond(lab.folder)
  return [
    {
      name: 'add member + set status + remove member',
      ours: { value: perSecond, unit: 'cycles/s' },
      floor: null,
      ratio: null,
      target: `>= ${target.toLocaleString('en')} cycles/s`,
      met: perSecond >= target,
      notes: [
        `${cycledImages} connections, each on an image of its own with ${membersOfShown - 1} other members; every one of ` +
          'the three answers comes after its change is on the disk',
        `ours ${percent(medianOf(samples, 'ours', 'busy'))} busy at ` +
          `${(medianOf(samples, 'ours', 'cpuSecondsEach') * 1e6).toFixed(0)} µs a cycle; this disk alone makes ` +
          `${Math.round(syncs).toLocaleString('en')} pages a second durable, one after the other`,
      ],
    },
  ]
}
