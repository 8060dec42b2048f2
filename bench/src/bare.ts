import { join } from 'node:path'
import type { Capture } from './api.ts'
import { startChild } from './child.ts'

export interface BareServer extends AsyncDisposable {
  readonly port: number
  readonly pid: number
}

/** Starts a bare `node:http` server that answers everything as captured. */
export const startBareServer = async (answer: Capture, core: number | null): Promise<BareServer> => {
  const child = startChild(process.execPath, [join(import.meta.dirname, 'bare-server.ts')], { core })
  child.input.end(JSON.stringify(answer))
  const [, port] = await child.firstMatch(/listens on (\d+)/)
  return { port: Number(port), pid: child.pid, [Symbol.asyncDispose]: child[Symbol.asyncDispose] }
}
