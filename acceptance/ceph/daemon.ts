import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { searchPath } from '../process.ts'
import { cleanEnvironment } from '../service.ts'

/** A process of Ceph; killed when disposed. */
export interface CephDaemon extends AsyncDisposable {
  /** @throws Error with what it printed, once it has ended by itself */
  orThrow(): undefined
}

const logTailLength = 20_000

/** Starts a daemon, whose words go to `log/NAME.out` below a folder. */
export const startCephDaemon = async (folder: string, name: string, args: readonly string[]): Promise<CephDaemon> => {
  const logPath = join(folder, 'log', `${name}.out`)
  const log = await open(logPath, 'a')
  const environment = cleanEnvironment()
  // It dies with this process, however that ends: no daemon is left behind.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', name, ...args], {
    env: { ...environment, PATH: searchPath(environment).join(delimiter) },
    stdio: ['ignore', log.fd, log.fd],
  })
  await log.close()
  // A test that failed to stop it ends nevertheless, and it with the test.
  child.unref()
  const exited = once(child, 'exit')
  return {
    orThrow: () => {
      if (child.exitCode === null && child.signalCode === null) return undefined
      throw new Error(`${name} ended:\n${readFileSync(logPath, 'utf8').slice(-logTailLength)}`)
    },
    [Symbol.asyncDispose]: async () => {
      child.ref()
      child.kill('SIGKILL')
      await exited
    },
  }
}
