import { requestText } from '../api.ts'
import type { Lab } from '../lab.ts'
import type { Call } from '../load-job.ts'
import { type Contestant, medianOf, percent, type Samples } from '../rounds.ts'

/** Connections of the clients that ask for documents. */
export const connections = 16

/** A server that answers the same request on all connections, over and over. */
export const asking = (
  { load }: Lab,
  name: string,
  { pid, port }: { readonly pid: number; readonly port: number },
  path: string,
  token: string,
): Contestant => {
  const call: Call = { request: requestText('GET', path, { 'X-Auth-Token': token }), status: 200 }
  return {
    name,
    pid,
    run: async (durationMs) => {
      const { rounds, seconds } = await load.calls({
        port,
        durationMs,
        connections: Array.from({ length: connections }, () => [call]),
      })
      return { count: rounds, seconds }
    },
  }
}

/** How far the processes were at work, so that a reader sees when something else was the limit. */
export const busyNote = (samples: Samples, names: readonly string[]): string => {
  const parts = names.map((name) => {
    const microseconds = medianOf(samples, name, 'cpuSecondsEach') * 1e6
    return `${name} ${percent(medianOf(samples, name, 'busy'))} busy at ${microseconds.toFixed(0)} µs each`
  })
  return parts.join(', ')
}
