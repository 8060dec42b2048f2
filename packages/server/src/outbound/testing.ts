import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { GetOptions, OutboundDownload } from './download.ts'
import { OutboundError } from './error.ts'
import { type FilterSettings, readFilter, type UrlFilter } from './filter.ts'

/** A filter that lets tests reach the ports that they get. */
export const filterOf = (settings: Partial<FilterSettings> = {}): UrlFilter =>
  readFilter({ import_schemes_allowed: 'http,https', import_ports_allowed: 'any', ...settings })

export const getOptions = (options: Partial<GetOptions> = {}): GetOptions => ({
  filter: filterOf(),
  signal: new AbortController().signal,
  idleTimeoutMs: 2000,
  ...options,
})

/** Servers on this machine, for one file of tests. */
export const openServers = () => {
  const servers: Server[] = []
  return {
    /** Starts one, and counts how often it is called. */
    serve: async (answer: RequestListener, host = '127.0.0.1') => {
      let calls = 0
      const server = createServer((request, response) => {
        calls += 1
        answer(request, response)
      })
      servers.push(server)
      await new Promise<void>((ready) => server.listen(0, host, ready))
      const { port } = server.address() as AddressInfo
      return { port, url: `http://${host}:${port}/`, calls: () => calls }
    },
    close: (): void => {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

/** What a download came to: all of its bytes as text, or the reason why not. */
export const outcomeOf = async (download: Promise<OutboundDownload>): Promise<string> => {
  try {
    return await text((await download).body)
  } catch (error) {
    if (error instanceof OutboundError) return `${error.reason}${error.status ?? ''}`
    throw error
  }
}
