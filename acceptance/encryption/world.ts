import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fromEnvironment, HttpError, type ImageService, type OpenStack } from '@vitrine/sdk'
import { fromClouds } from '@vitrine/sdk/node'
import { cloudsFile } from '../accounts.ts'
import { type BootableDisk, makeBootableDisk } from '../disk.ts'
import { freePort } from '../network.ts'
import { type Barbican, startBarbican } from '../openstack/barbican.ts'
import { type Keystone, startKeystone } from '../openstack/keystone.ts'
import { OpenStackCommand } from '../openstack-client.ts'
import { needCommands, type Skip } from '../packages.ts'
import { type DatabaseName, startPostgres } from '../postgres.ts'
import { type Finished, run } from '../process.ts'
import { type RunningService, root, type ServiceOptions, startService, temporaryFolder } from '../service.ts'
import { userEnvironment } from '../stage.ts'
import { type Vitrine, vitrineAs } from '../vitrine-command.ts'

/** Who keeps the keys. With Barbican, a Keystone has the accounts. */
export type KeyManagerName = 'embedded' | 'Barbican'

/** One side of a share, with its clients. */
export interface Party {
  readonly projectId: string
  readonly vitrine: Vitrine
  readonly openstack: OpenStackCommand
  /** Runs a line of a shell as a person would who was shown it. */
  readonly shell: (line: string) => Promise<Finished>
  readonly images: ImageService
  /** A token, for calls by hand. */
  token(): Promise<string>
  /** Whether it can use a key just now, found out at the key manager. */
  holds(keyId: string): Promise<boolean>
}

/** A service that keeps encrypted images, on one port over all its lives, with its master key apart from its data. */
export interface World {
  readonly keyManager: KeyManagerName
  readonly url: string
  /** Folder of the service. */
  readonly data: string
  /** All that the service writes to, in the file system and as its log. */
  readonly writtenPaths: readonly string[]
  readonly masterKeyPath: string
  readonly disk: BootableDisk
  /** For downloads; also the home of the clients. */
  readonly folder: string
  readonly producer: Party
  readonly consumer: Party
  /** One that nothing is shared with. */
  readonly stranger: Party
  readonly barbican: Barbican | undefined
  readonly options: ServiceOptions
  /** All that it logged of late. */
  log(): string
  kill(): Promise<void>
  /** After `kill`. */
  start(): Promise<void>
}

export interface WorldOptions {
  readonly keyManager: KeyManagerName
  readonly database: DatabaseName
  readonly settings?: Readonly<Record<string, string>>
}

const partyNames = ['producer', 'consumer', 'stranger'] as const
type PartyName = (typeof partyNames)[number]

/** What a world with this key manager needs on this machine. @returns the reason to skip it */
export const needWorld = (keyManager: KeyManagerName): Promise<Skip> =>
  keyManager === 'Barbican'
    ? needCommands(...clients, 'keystone-manage', 'barbican-manage', 'uwsgi_python3')
    : needCommands(...clients)
const clients = ['openstack', 'qemu-img', 'qemu-system-x86_64'] as const

interface Accounts {
  readonly environmentOf: (name: PartyName) => NodeJS.ProcessEnv
  readonly cloudOf: (name: PartyName) => OpenStack
}

/** Those of a demonstration; its administrator is the stranger. */
const demonstration = (data: string): Accounts => {
  const cloudName = (name: PartyName) => (name === 'stranger' ? 'admin' : name)
  return {
    environmentOf: (name) => ({ OS_CLOUD: cloudName(name) }),
    cloudOf: (name) => fromClouds(cloudName(name), { env: { OS_CLIENT_CONFIG_FILE: cloudsFile(data) } }),
  }
}

const ofKeystone = (keystone: Keystone): Accounts => ({
  environmentOf: (name) => keystone.environment(name),
  cloudOf: (name) => fromEnvironment(keystone.environment(name)),
})

/** Makes a data key, for which it takes the key. */
const usesKey = async (images: ImageService, keyId: string): Promise<boolean> => {
  try {
    await images.createDataKey(keyId)
    return true
  } catch (error) {
    if (error instanceof HttpError && (error.status === 403 || error.status === 404)) return false
    throw error
  }
}

const partyOf = async (folder: string, data: string, accounts: Accounts, name: PartyName): Promise<Party> => {
  const environment = accounts.environmentOf(name)
  const runAs = (command: string, args: readonly string[]): Promise<Finished> =>
    run(command, args, { cwd: root, environment: { ...userEnvironment(folder, data), ...environment } })
  const cloud = accounts.cloudOf(name)
  const { project } = await cloud.authenticate()
  assert.ok(project, `the token of ${name} has a project`)
  const images = cloud.imageService()
  return {
    projectId: project.id,
    vitrine: vitrineAs({ run: runAs }, environment),
    openstack: new OpenStackCommand({ run: runAs }, environment),
    shell: (line) => runAs('sh', ['-c', line]),
    images,
    token: async () => (await cloud.authenticate()).token,
    holds: (keyId) => usesKey(images, keyId),
  }
}

/** Starts all of it, plays, and ends it. */
export const withWorld = async (
  { keyManager, database, settings }: WorldOptions,
  play: (world: World) => Promise<void>,
): Promise<void> => {
  await using temporary = await temporaryFolder()
  const folder = temporary.path
  await using postgres = database === 'PostgreSQL' ? await startPostgres(folder) : undefined
  await using keystone = keyManager === 'Barbican' ? await startKeystone(folder) : undefined
  await using barbican = keystone === undefined ? undefined : await startBarbican(folder, keystone)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  await keystone?.publish('image', 'vitrine', url)
  await keystone?.publish('key-manager', 'barbican', barbican?.url ?? '')
  const [data, apart, scratch, logPath] = ['data', 'apart', 'scratch', 'service.log'].map((name) => join(folder, name))
  assert.ok(data && apart && scratch && logPath)
  for (const path of [apart, scratch]) await mkdir(path, { mode: 0o700 })
  const masterKeyPath = join(apart, 'master-key')
  const options: ServiceOptions = {
    data,
    by: 'node',
    port,
    logPath,
    ...(keystone === undefined ? {} : { accounts: 'elsewhere' }),
    settings: {
      VITRINE_LOG_LEVEL: 'trace',
      TMPDIR: scratch,
      VITRINE_MASTER_KEY_FILE: masterKeyPath,
      ...(postgres === undefined ? {} : { VITRINE_DATABASE_URL: postgres.url }),
      ...keystone?.settings,
      ...barbican?.settings,
      ...settings,
    },
  }
  const disk = await makeBootableDisk(folder)
  let service: RunningService = await startService(options)
  try {
    const accounts = keystone === undefined ? demonstration(data) : ofKeystone(keystone)
    const [producer, consumer, stranger] = await Promise.all(
      partyNames.map((name) => partyOf(folder, data, accounts, name)),
    )
    assert.ok(producer && consumer && stranger)
    await play({
      keyManager,
      url,
      data,
      writtenPaths: [data, scratch, logPath, ...(postgres === undefined ? [] : [join(folder, 'postgres')])],
      masterKeyPath,
      disk,
      folder,
      producer,
      consumer,
      stranger,
      barbican,
      options,
      log: () => service.log(),
      kill: () => service.kill(),
      start: async () => {
        service = await startService(options)
      },
    })
  } catch (error) {
    throw new Error(`the service said last:\n${service.log()}`, { cause: error })
  } finally {
    await service.kill()
  }
}
