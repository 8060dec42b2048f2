import { requestText } from '../api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Call } from '../load-job.ts'
import { startMailSink } from '../mail-sink.ts'
import type { Row } from '../report.ts'
import { type Contestant, medianOf, percent, ratioOf, takeTurns } from '../rounds.ts'
import { type Requested, waitingRequests } from '../seed-sharing.ts'

const connections = 8
const requestsEach = 100
const rounds = 5
const target = 500

const approval = ({ producer }: Running, id: string): Call => ({
  request: requestText(
    'POST',
    `/v2/access-requests/${id}/approve`,
    { 'X-Auth-Token': producer.token, 'Content-Type': 'application/json' },
    JSON.stringify({ message: 'Welcome. Tell us how it works for you.' }),
  ),
  status: 200,
})

/** Approves requests that wait, each once: every connection those for an image of its own. */
const approving = (lab: Lab, name: string, service: Running & Requested): Contestant => {
  const left = [...service.requestIds]
  return {
    name,
    pid: service.pid,
    run: async () => {
      const lists = left.splice(0, connections).map((ids) => ids.map((id) => approval(service, id)))
      const { seconds } = await lab.load.once({ port: service.port, connections: lists })
      return { count: lists.flat().length, seconds }
    },
  }
}

/** A producer approves: the share, the decision and the mail in one durable transaction. */
export const approve = async (lab: Lab): Promise<Row[]> => {
  const core = lab.cores.measured
  const data = (name: string) => waitingRequests(name, connections * (rounds + 1), requestsEach)
  await using sink = await startMailSink(lab.cores.load)
  await using quiet = await lab.serveFilled(data('requests'), { core })
  await using mailing = await lab.serveFilled(data('requests-and-mails'), { core, settings: { smtp_url: sink.url } })
  const samples = await takeTurns([approving(lab, 'queued', quiet), approving(lab, 'mailed', mailing)], {
    warmUpMs: 0,
    rounds,
    roundMs: 0,
  })
  const mails = sink.arrivals.length
  const perSecond = (name: string) => medianOf(samples, name, 'perSecond')
  const work = (name: string) =>
    `${percent(medianOf(samples, name, 'busy'))} busy at ` +
    `${(medianOf(samples, name, 'cpuSecondsEach') * 1e6).toFixed(0)} µs each`
  return [
    {
      name: 'approve a request, mail queued',
      ours: { value: perSecond('queued'), unit: '/s' },
      floor: null,
      ratio: null,
      target: `>= ${target}/s`,
      met: perSecond('queued') >= target,
      notes: [
        `${connections} connections, each on an image of its own with 0 to ${requestsEach} members; an answer comes after ` +
          'the share, the decision, its event and the mail are on the disk',
        work('queued'),
      ],
    },
    {
      name: 'the same while the mails are sent',
      ours: { value: perSecond('mailed'), unit: '/s' },
      floor: { value: perSecond('queued'), unit: '/s', what: 'only queued' },
      ratio: ratioOf(samples, 'mailed', 'queued'),
      target: null,
      met: null,
      notes: [
        `${mails} of ${connections * (rounds + 1) * requestsEach} mails had been taken when the last was approved`,
        work('mailed'),
      ],
    },
  ]
}
