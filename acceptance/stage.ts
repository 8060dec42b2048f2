import assert from 'node:assert/strict'
import { delimiter, join } from 'node:path'
import { cloudsFile } from './accounts.ts'
import { type BootableDisk, makeBootableDisk } from './disk.ts'
import { type DatabaseName, startPostgres } from './postgres.ts'
import { type Finished, type RunOptions, run } from './process.ts'
import {
  cleanEnvironment,
  type RunningService,
  root,
  type ServiceOptions,
  startService,
  temporaryFolder,
} from './service.ts'

/** A service of its own with a disk to share, and a folder for what clients write. */
export interface Stage {
  readonly service: RunningService
  /** Folder of the service. */
  readonly data: string
  readonly disk: BootableDisk
  /** Folder for downloads; also the home of the clients. */
  readonly folder: string
  /** The environment of a user who was given clouds.yaml. */
  readonly environment: NodeJS.ProcessEnv
  /** Runs a command as such a user. */
  run(command: string, args: readonly string[], options?: Pick<RunOptions, 'environment'>): Promise<Finished>
}

/** Lines of the log; with its level at `error` they are all that went wrong inside the service. */
const errorsIn = (printed: string): string[] => printed.split('\n').filter((line) => line.startsWith('{'))

export interface StageOptions extends Partial<Pick<ServiceOptions, 'by' | 'settings'>> {
  readonly database?: DatabaseName
  /** Names of the stores of the service, each a folder of its own; the first is the default. */
  readonly stores?: readonly string[]
}

/** The environment of a user who was given clouds.yaml, with the commands of this checkout. */
export const userEnvironment = (home: string, data: string): NodeJS.ProcessEnv => {
  const environment = cleanEnvironment()
  return {
    ...environment,
    HOME: home,
    OS_CLIENT_CONFIG_FILE: cloudsFile(data),
    PATH: [join(root, 'node_modules/.bin'), environment.PATH].join(delimiter),
  }
}

/** Starts the service, by `npm start` unless told otherwise, and ends it; that it logged no error is part of every test. */
export const withStage = async (play: (stage: Stage) => Promise<void>, options: StageOptions = {}): Promise<void> => {
  await using temporary = await temporaryFolder()
  const folder = temporary.path
  await using postgres = options.database === 'PostgreSQL' ? await startPostgres(folder) : undefined
  const data = join(folder, 'data')
  const disk = await makeBootableDisk(folder)
  const stores = options.stores?.map((name) => `${name}=file://${join(data, name)}?description=the%20${name}%20one`)
  const settings = {
    VITRINE_LOG_LEVEL: 'error',
    ...(stores === undefined ? {} : { VITRINE_STORES: stores.join(',') }),
    ...(postgres === undefined ? {} : { VITRINE_DATABASE_URL: postgres.url }),
    ...options.settings,
  }
  const service = await startService({ data, by: options.by ?? 'npm', settings })
  const environment = userEnvironment(folder, data)
  await play({
    service,
    data,
    disk,
    folder,
    environment,
    run: (command, args, options) =>
      run(command, args, { cwd: root, environment: { ...environment, ...options?.environment } }),
  }).finally(() => service.stop())
  const errors = errorsIn(service.log())
  assert.deepEqual(errors, [], 'errors that the service has logged')
}
