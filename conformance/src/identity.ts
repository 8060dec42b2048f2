import { randomBytes } from 'node:crypto'
import { type Agents, type Client, createClient } from './client.ts'
import { expectStatus, header } from './expect.ts'
import { at, type Json, listAt, objectAt, stringAt } from './json.ts'

/** A domain of the identity service, named by either. */
export type Domain = { id: string } | { name: string }

/** Name, password and project, as a `clouds.yaml` has them. */
export interface Credentials {
  authUrl: string
  username: string
  password: string
  userDomain: Domain
  projectName: string
  projectDomain: Domain
}

/** A token and what it stands for. */
export interface Session {
  token: string
  userId: string
  projectId: string
  /** `name@domain` */
  projectName: string
  domainId: string
  catalog: Json[]
}

const identityUrl = (authUrl: string): URL => {
  const trimmed = authUrl.replace(/\/+$/, '')
  return new URL(trimmed.endsWith('/v3') ? trimmed : `${trimmed}/v3`)
}

const passwordOf = (credentials: Credentials): Json => ({
  methods: ['password'],
  password: {
    user: {
      name: credentials.username,
      domain: credentials.userDomain,
      password: credentials.password,
    },
  },
})

const scopeOf = (credentials: Credentials): Json => ({
  project: { name: credentials.projectName, domain: credentials.projectDomain },
})

/** A token scoped to the project of the credentials. */
export const logIn = async (credentials: Credentials, agents: Agents): Promise<Session> => {
  const api = createClient(identityUrl(credentials.authUrl), null, agents)
  const answer = await api.post('/auth/tokens', {
    auth: { identity: passwordOf(credentials), scope: scopeOf(credentials) },
  })
  expectStatus(answer, 201)
  return {
    token: header(answer, 'x-subject-token') ?? '',
    userId: stringAt(answer.json, 'token', 'user', 'id'),
    projectId: stringAt(answer.json, 'token', 'project', 'id'),
    projectName: `${stringAt(answer.json, 'token', 'project', 'name')}@${stringAt(answer.json, 'token', 'project', 'domain', 'name')}`,
    domainId: stringAt(answer.json, 'token', 'project', 'domain', 'id'),
    catalog: listAt(answer.json, 'token', 'catalog'),
  }
}

/** A token of the same user without any scope. */
export const logInUnscoped = async (credentials: Credentials, agents: Agents): Promise<string> => {
  const api = createClient(identityUrl(credentials.authUrl), null, agents)
  const answer = await api.post('/auth/tokens', { auth: { identity: passwordOf(credentials), scope: 'unscoped' } })
  expectStatus(answer, 201)
  return header(answer, 'x-subject-token') ?? ''
}

/** The public URL of the image service in a catalogue, without the version that some clouds put at its end. */
export const imageEndpoint = (catalog: Json[]): URL => {
  for (const service of catalog) {
    if (at(service, 'type') !== 'image') continue
    for (const endpoint of listAt(service, 'endpoints'))
      if (at(endpoint, 'interface') === 'public')
        return new URL(stringAt(endpoint, 'url').replace(/\/v2(\.\d+)?\/?$/, ''))
  }
  throw new Error('The catalogue of the cloud has no public image endpoint; give one with --endpoint.')
}

/** Makes projects, users and roles as an administrator, and takes them away again. */
export interface Administration {
  project(name: string): Promise<{ id: string; name: string }>
  /** A new user with one role on one project; returns what it logs in with. */
  user(name: string, role: string, project: { id: string; name: string }): Promise<Credentials>
  /** A new role that no image service knows. */
  role(name: string): Promise<string>
  /** Deletes everything that was made, newest first. */
  cleanUp(): Promise<void>
}

/** @param mark put into every name, so that what is left after a crash can be told */
export const administer = (admin: Session, credentials: Credentials, mark: string, agents: Agents): Administration => {
  const api: Client = createClient(identityUrl(credentials.authUrl), admin.token, agents)
  const made: string[] = []

  const create = async (kind: 'project' | 'user' | 'role', body: { [key: string]: Json }) => {
    const answer = expectStatus(await api.post(`/${kind}s`, { [kind]: body }), 201)
    const id = stringAt(answer.json, kind, 'id')
    made.unshift(`/${kind}s/${id}`)
    return { id, entity: objectAt(answer.json, kind) }
  }

  const roleId = async (name: string): Promise<string> => {
    const answer = expectStatus(await api.get(`/roles?name=${encodeURIComponent(name)}`), 200)
    return stringAt(
      listAt(answer.json, 'roles').find((role) => at(role, 'name') === name),
      'id',
    )
  }

  const domain = { domain_id: admin.domainId }
  const named = { id: admin.domainId }
  return {
    async project(name) {
      const full = `${mark}-${name}`
      const { id } = await create('project', { name: full, description: 'Made by a conformance run.', ...domain })
      return { id, name: full }
    },
    async user(name, role, project) {
      const password = randomBytes(18).toString('base64url')
      const full = `${mark}-${name}`
      const { id } = await create('user', { name: full, password, ...domain })
      expectStatus(await api.put(`/projects/${project.id}/users/${id}/roles/${await roleId(role)}`), 204)
      return {
        authUrl: credentials.authUrl,
        username: full,
        password,
        userDomain: named,
        projectName: project.name,
        projectDomain: named,
      }
    },
    async role(name) {
      const full = `${mark}-${name}`
      await create('role', { name: full })
      return full
    },
    async cleanUp() {
      for (const path of made.splice(0)) await api.delete(path)
    },
  }
}
