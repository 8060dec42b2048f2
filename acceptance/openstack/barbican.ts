import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../network.ts'
import { runSuccessfully } from '../process.ts'
import { allowReadersBesideWriter, type Daemon, daemonEnvironment, startDaemon } from './daemon.ts'
import type { Keystone } from './keystone.ts'

/** A real Barbican that believes a Keystone. */
export interface Barbican extends AsyncDisposable {
  /** Without a version, as it stands in the catalogue. */
  readonly url: string
  /** Settings of a Vitrine that keeps its keys there. */
  readonly settings: Readonly<Record<string, string>>
  stop(): Promise<void>
  /** Starts it again on the same port and records. */
  start(): Promise<void>
}

/**
 * Which rules it keeps: those of old, where only who has the role `creator` or `admin` stores and reads, or those that later
 * releases have by default, where `member` does.
 */
export type BarbicanRules = 'old' | 'new'

const writeConfiguration = async (folder: string, url: string, keystone: Keystone, rules: BarbicanRules) => {
  // Barbican finds it by its home.
  const home = join(folder, '.barbican')
  await mkdir(home, { recursive: true })
  await mkdir(join(folder, 'policy.d'), { recursive: true })
  const database = `sqlite:///${join(folder, 'barbican.sqlite')}`
  await writeFile(
    join(home, 'barbican.conf'),
    `[DEFAULT]
host_href = ${url}
log_file = ${join(folder, 'barbican.log')}
sql_connection = ${database}
[database]
connection = ${database}
[oslo_policy]
policy_dirs = ${join(folder, 'policy.d')}
enforce_new_defaults = ${rules === 'new'}
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = ${randomBytes(32).toString('base64')}
[queue]
enable = False
[keystone_notifications]
enable = False
[keystone_authtoken]
www_authenticate_uri = ${keystone.url}
auth_url = ${keystone.url}
auth_type = password
username = admin
password = ${keystone.adminPassword}
project_name = admin
user_domain_name = Default
project_domain_name = Default
`,
    { mode: 0o600 },
  )
}

/** Starts a Barbican of its own below a folder, on 127.0.0.1. */
export const startBarbican = async (
  dir: string,
  keystone: Keystone,
  rules: BarbicanRules = 'old',
): Promise<Barbican> => {
  const folder = join(dir, `barbican-${rules}`)
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  await writeConfiguration(folder, url, keystone, rules)
  const environment = { HOME: folder }
  await runSuccessfully('barbican-manage', ['db', 'upgrade'], {
    environment: daemonEnvironment(environment),
    cwd: folder,
  })
  allowReadersBesideWriter(join(folder, 'barbican.sqlite'))
  let daemon: Daemon | undefined
  const start = async (): Promise<void> => {
    daemon = await startDaemon({
      name: 'Barbican',
      wsgiFile: '/usr/bin/barbican-wsgi-api',
      port,
      cwd: folder,
      environment,
      readyUrl: url,
    })
  }
  const stop = async (): Promise<void> => {
    await daemon?.stop()
    daemon = undefined
  }
  await start()
  return {
    url,
    settings: { VITRINE_KEY_MANAGER: url },
    stop,
    start,
    [Symbol.asyncDispose]: stop,
  }
}
