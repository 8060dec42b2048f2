import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../network.ts'
import { runSuccessfully } from '../process.ts'
import { allowReadersBesideWriter, type Daemon, daemonEnvironment, startDaemon } from './daemon.ts'

/** Projects with a user of the same name, who has the roles `member` and `creator` there. */
export const projectNames = ['producer', 'consumer', 'stranger'] as const
export type ProjectName = (typeof projectNames)[number]

export interface KeystoneUser {
  readonly id: string
  readonly name: string
  readonly password: string
}

/** A real Keystone with a few accounts. */
export interface Keystone extends AsyncDisposable {
  /** With the version, as clients are given it. */
  readonly url: string
  readonly adminPassword: string
  /** Settings of a Vitrine that believes this Keystone, and acts in all projects of its domain. */
  readonly settings: Readonly<Record<string, string>>
  readonly serviceUser: KeystoneUser
  projectId(name: ProjectName): string
  user(name: ProjectName): KeystoneUser
  /** A token of a user for a project, by id. */
  logIn(user: Pick<KeystoneUser, 'name' | 'password'>, projectId: string): Promise<string>
  /** What the clients of OpenStack read, for a user and the project of this name. */
  environment(name: ProjectName): Record<string, string>
  /** Calls the API as the administrator; it must succeed. */
  call(method: string, path: string, body?: unknown): Promise<unknown>
  makeUser(name: string): Promise<KeystoneUser>
  makeProject(name: string): Promise<string>
  giveRole(userId: string, projectId: string, role: string): Promise<void>
  takeRole(userId: string, projectId: string, role: string): Promise<void>
  /** Puts a service into the catalogue, for clients that look there. */
  publish(type: string, name: string, url: string): Promise<void>
  stop(): Promise<void>
  /** Starts it again on the same port and records. */
  start(): Promise<void>
}

const adminPassword = 'admin password'
const servicePassword = 'vitrine password'
const domain = { id: 'default', name: 'Default' }

const writeConfiguration = async (folder: string): Promise<string> => {
  const path = join(folder, 'keystone.conf')
  await mkdir(join(folder, 'policy.d'), { recursive: true })
  await writeFile(
    path,
    `[DEFAULT]
log_file = ${join(folder, 'keystone.log')}
[database]
connection = sqlite:///${join(folder, 'keystone.sqlite')}
[cache]
enabled = false
[fernet_tokens]
key_repository = ${join(folder, 'fernet-keys')}
[fernet_receipts]
key_repository = ${join(folder, 'fernet-keys')}
[credential]
key_repository = ${join(folder, 'credential-keys')}
[identity]
# Cheap hashes: these passwords protect nothing.
password_hash_rounds = 4
[oslo_policy]
policy_dirs = ${join(folder, 'policy.d')}
`,
  )
  return path
}

/** Makes the records of a new Keystone. */
const prepare = async (folder: string, configuration: string, url: string): Promise<void> => {
  const manage = (...args: string[]) =>
    runSuccessfully('keystone-manage', ['--config-file', configuration, ...args], {
      environment: daemonEnvironment({ HOME: folder }),
      cwd: folder,
    })
  // Keys are given to nobody else than who runs this.
  const owner = ['--keystone-user', String(process.getuid?.()), '--keystone-group', String(process.getgid?.())]
  await manage('db_sync')
  allowReadersBesideWriter(join(folder, 'keystone.sqlite'))
  await manage('fernet_setup', ...owner)
  await manage('credential_setup', ...owner)
  await manage(
    'bootstrap',
    ...['--bootstrap-password', adminPassword, '--bootstrap-region-id', 'RegionOne'],
    ...['--bootstrap-public-url', url, '--bootstrap-internal-url', url, '--bootstrap-admin-url', url],
  )
}

const idIn = (document: unknown, key: string): string => {
  assert.ok(typeof document === 'object' && document !== null)
  const entity = Object.entries(document).find(([name]) => name === key)?.[1]
  assert.ok(typeof entity === 'object' && entity !== null && typeof entity.id === 'string', `${key} has an id`)
  return entity.id
}

const logInAt = async (url: string, user: { name: string; password: string }, project: object): Promise<string> => {
  const password = { user: { name: user.name, domain, password: user.password } }
  const response = await fetch(`${url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password }, scope: { project } } }),
  })
  const text = await response.text()
  const token = response.headers.get('x-subject-token')
  assert.ok(token !== null, `${user.name} logs in: ${text}`)
  return token
}

const createCaller = (url: string): Keystone['call'] => {
  let token: string | undefined
  return async (method, path, body) => {
    token ??= await logInAt(url, { name: 'admin', password: adminPassword }, { name: 'admin', domain })
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

/** The names that Keystone gives to things that the tests make. */
const createAccounts = (call: Keystone['call']) => {
  const roles = new Map<string, string>()
  const roleId = async (name: string): Promise<string> => {
    const known = roles.get(name)
    if (known !== undefined) return known
    const found = await call('GET', `/roles?name=${name}`)
    assert.ok(typeof found === 'object' && found !== null && 'roles' in found && Array.isArray(found.roles))
    const id =
      found.roles.length === 0
        ? idIn(await call('POST', '/roles', { role: { name } }), 'role')
        : idIn({ role: found.roles[0] }, 'role')
    roles.set(name, id)
    return id
  }
  return {
    roleId,
    makeUser: async (name: string, password = `${name} password`): Promise<KeystoneUser> => {
      const made = await call('POST', '/users', { user: { name, password, domain_id: domain.id } })
      return { id: idIn(made, 'user'), name, password }
    },
    makeProject: async (name: string): Promise<string> =>
      idIn(await call('POST', '/projects', { project: { name, domain_id: domain.id } }), 'project'),
    giveRole: async (userId: string, projectId: string, role: string): Promise<void> => {
      await call('PUT', `/projects/${projectId}/users/${userId}/roles/${await roleId(role)}`)
    },
    takeRole: async (userId: string, projectId: string, role: string): Promise<void> => {
      await call('DELETE', `/projects/${projectId}/users/${userId}/roles/${await roleId(role)}`)
    },
    /** All projects of the domain, also those to come. */
    giveRoleEverywhere: async (userId: string, role: string): Promise<void> => {
      const path = `/OS-INHERIT/domains/${domain.id}/users/${userId}/roles/${await roleId(role)}/inherited_to_projects`
      await call('PUT', path)
    },
  }
}

const known = <Value>(values: ReadonlyMap<string, Value>, name: string): Value => {
  const value = values.get(name)
  assert.ok(value !== undefined, `there is a project ${name}`)
  return value
}

/** Starts a Keystone of its own below a folder, on 127.0.0.1. */
export const startKeystone = async (dir: string): Promise<Keystone> => {
  const folder = join(dir, 'keystone')
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/v3`
  const configuration = await writeConfiguration(folder)
  await prepare(folder, configuration, url)
  let daemon: Daemon | undefined
  const start = async (): Promise<void> => {
    daemon = await startDaemon({
      name: 'Keystone',
      wsgiFile: '/usr/bin/keystone-wsgi-public',
      port,
      cwd: folder,
      environment: { HOME: folder, OS_KEYSTONE_CONFIG_FILES: configuration },
      readyUrl: url,
    })
  }
  const stop = async (): Promise<void> => {
    await daemon?.stop()
    daemon = undefined
  }
  await start()
  try {
    const call = createCaller(url)
    const { roleId: _, giveRoleEverywhere, ...accounts } = createAccounts(call)
    const serviceUser = await accounts.makeUser('vitrine', servicePassword)
    const serviceProject = await accounts.makeProject('service')
    await accounts.giveRole(serviceUser.id, serviceProject, 'service')
    await giveRoleEverywhere(serviceUser.id, 'admin')
    const projects = new Map<string, string>()
    const users = new Map<string, KeystoneUser>()
    for (const name of projectNames) {
      const user = await accounts.makeUser(name)
      const projectId = await accounts.makeProject(name)
      for (const role of ['member', 'creator']) await accounts.giveRole(user.id, projectId, role)
      users.set(name, user)
      projects.set(name, projectId)
    }
    return {
      url,
      adminPassword,
      settings: {
        VITRINE_IDENTITY: url,
        VITRINE_IDENTITY_USERNAME: serviceUser.name,
        VITRINE_IDENTITY_PASSWORD: serviceUser.password,
        VITRINE_IDENTITY_PROJECT: 'service',
        VITRINE_IDENTITY_DOMAIN: domain.name,
      },
      serviceUser,
      ...accounts,
      projectId: (name) => known(projects, name),
      user: (name) => known(users, name),
      logIn: (user, id) => logInAt(url, user, { id }),
      environment: (name) => ({
        OS_AUTH_URL: url,
        OS_USERNAME: name,
        OS_PASSWORD: known(users, name).password,
        OS_PROJECT_NAME: name,
        OS_USER_DOMAIN_NAME: domain.name,
        OS_PROJECT_DOMAIN_NAME: domain.name,
        OS_IDENTITY_API_VERSION: '3',
        OS_REGION_NAME: 'RegionOne',
      }),
      call,
      publish: async (type, name, serviceUrl) => {
        const serviceId = idIn(await call('POST', '/services', { service: { type, name } }), 'service')
        for (const kind of ['public', 'internal', 'admin']) {
          await call('POST', '/endpoints', {
            endpoint: { service_id: serviceId, interface: kind, region_id: 'RegionOne', url: serviceUrl },
          })
        }
      },
      stop,
      start,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
