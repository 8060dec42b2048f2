import assert from 'node:assert/strict'
import { join } from 'node:path'
import { cloudsFile } from './accounts.ts'
import { type BootableDisk, makeBootableDisk } from './disk.ts'
import { type Finished, type RunOptions, run } from './process.ts'
import { cleanEnvironment, type RunningService, root, startService, temporaryFolder } from './service.ts'

/** A service of its own with a disk to share, and a folder for what clients write. */
export interface Stage {
  readonly service: RunningService
  /** Folder of the service. */
  readonly data: string
  readonly disk: BootableDisk
  /** Folder for downloads; also the home of the clients. */
  readonly folder: string
  /** Runs a command as a user would who was given clouds.yaml. */
  run(command: string, args: readonly string[], options?: Pick<RunOptions, 'environment'>): Promise<Finished>
}

/** Lines of the log; with its level at `error` they are all that went wrong inside the service. */
const errorsIn = (printed: string): string[] => printed.split('\n').filter((line) => line.startsWith('{'))

/** Starts the service by `npm start`, and ends it; that it logged no error is part of every test. */
export const withStage = async (play: (stage: Stage) => Promise<void>): Promise<void> => {
  await using temporary = await temporaryFolder()
  const folder = temporary.path
  const data = join(folder, 'data')
  const disk = await makeBootableDisk(folder)
  const service = await startService({ data, by: 'npm', settings: { VITRINE_LOG_LEVEL: 'error' } })
  const environment = { ...cleanEnvironment(), HOME: folder, OS_CLIENT_CONFIG_FILE: cloudsFile(data) }
  await play({
    service,
    data,
    disk,
    folder,
    run: (command, args, options) =>
      run(command, args, { cwd: root, environment: { ...environment, ...options?.environment } }),
  }).finally(() => service.stop())
  const errors = errorsIn(service.log())
  assert.deepEqual(errors, [], 'errors that the service has logged')
}
