import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { cleanEnvironment } from '../service.ts'

/** A Python web service as a process of its own. */
export interface Daemon {
  /** Ends it at once. It may be started again on what it left. */
  stop(): Promise<void>
}

export interface DaemonOptions {
  readonly name: string
  readonly wsgiFile: string
  readonly port: number
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** Answers once the service does. */
  readonly readyUrl: string
}

const startTimeoutMs = 60_000
const logTailLength = 20_000

/** The environment of a program of OpenStack that reads nobody's settings but those given. */
export const daemonEnvironment = (environment: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...cleanEnvironment(),
  ...environment,
})

/** Lets one connection write to an SQLite file while another reads; without that OpenStack finds its own database locked. */
export const allowReadersBesideWriter = (path: string): void => {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL')
  database.close()
}

const answers = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5000) })
    await response.body?.cancel()
    return response.status < 500
  } catch {
    return false
  }
}

const spawnUwsgi = ({ wsgiFile, port, cwd, environment }: DaemonOptions, log: number): ChildProcess => {
  const listen = ['--http-socket', `127.0.0.1:${port}`, '--buffer-size', '65535', '--listen', '100']
  // One thread: connections to an SQLite file belong to the thread that opened them.
  const python = ['--plugins', 'python3', '--wsgi-file', wsgiFile, '--need-app', '--enable-threads']
  // As Debian runs it: the connection is closed after each answer.
  const answer = ['--rem-header', 'Content-Length', '--add-header', 'Connection: close', '--die-on-term']
  // It dies with this process, however that ends: no daemon is left behind.
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'uwsgi_python3', ...python, ...listen, ...answer], {
    cwd,
    env: daemonEnvironment(environment),
    stdio: ['ignore', log, log],
  })
}

/**
 * Starts a web service of OpenStack under uWSGI, as Debian does, and waits until it answers.
 * @throws Error with all that it printed, when it ends before that or takes too long
 */
export const startDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  const logPath = join(options.cwd, 'uwsgi.log')
  const log = await open(logPath, 'a')
  const child = spawnUwsgi(options, log.fd)
  await log.close()
  // A test that failed to stop it ends nevertheless, and it with the test.
  child.unref()
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.ref()
    child.kill('SIGKILL')
    await exited
  }
  const deadline = Date.now() + startTimeoutMs
  while (!(await answers(options.readyUrl))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${options.name} did not start:\n${(await readFile(logPath, 'utf8')).slice(-logTailLength)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { stop }
}
