import { requestText } from '../api.ts'
import type { Lab } from '../lab.ts'
import type { Call } from '../load-job.ts'
import type { Contestant } from '../rounds.ts'

/** Connections of the clients that ask for documents. */
export const connections = 16

/**
 * A server that answers the same request on all connections, over and over.
 * @param token without one, it is anybody who asks
 */
export const asking = (
  { load }: Lab,
  name: string,
  { pid, port }: { readonly pid: number; readonly port: number },
  path: string,
  token?: string,
): Contestant => {
  const call: Call = {
    request: requestText('GET', path, token === undefined ? {} : { 'X-Auth-Token': token }),
    status: 200,
  }
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
