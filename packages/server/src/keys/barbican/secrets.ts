import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { KeyError } from '../port.ts'
import { keyBytes } from '../wrapping.ts'
import { type Answer, type Ask, type Question, readJson, unexpected } from './http.ts'
import type { ServiceAccess } from './keystone.ts'

/** Who may read a secret besides those whom Barbican's rules let. */
export interface AccessList {
  readonly users: ReadonlySet<string>
  /** Whether the rules let the project of the secret read it, and not only its creator. */
  readonly projectAccess: boolean
}

export interface Secret {
  readonly id: string
  readonly name: string | null
  readonly creatorId: string | null
  /** Material of a key, as far as can be seen from outside. */
  readonly isBinary: boolean
}

/** Secrets in Barbican. The service acts in the project that they belong to, where it is an administrator. */
export interface Secrets {
  /** Those of a project whose name begins so. */
  named(projectId: string, prefix: string): Promise<Secret[]>
  /** @returns undefined when there is none such that the service may see */
  describe(projectId: string, id: string): Promise<Secret | undefined>
  /** @returns the id of the new secret */
  store(projectId: string, name: string, material: Uint8Array): Promise<string>
  remove(projectId: string, id: string): Promise<void>
  /** @returns undefined when no such secret belongs to the project */
  accessList(projectId: string, id: string): Promise<AccessList | undefined>
  /** @returns false when there is no such secret any more */
  changeAccessList(projectId: string, id: string, list: AccessList): Promise<boolean>
  /**
   * Reads the material; whoever gets it wipes it after use.
   * @param token of a caller; without one, the service reads by itself
   * @throws KeyError `refused` when the caller may not read it, `missing`, `damaged` when it is no material of a key
   */
  read(projectId: string, id: string, token: string | null): Promise<Uint8Array>
  /** A certificate, as the holder of the token may read it. @returns undefined when they may not, or there is none */
  certificate(id: string, token: string): Promise<Uint8Array | undefined>
  /** @throws KeyError `unavailable` */
  check(): Promise<void>
}

const SecretSchema = Type.Object({
  name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  creator_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  secret_type: Type.String(),
  status: Type.String(),
  content_types: Type.Optional(Type.Union([Type.Object({ default: Type.Optional(Type.String()) }), Type.Null()])),
  secret_ref: Type.String(),
})
const checkSecret = Compile(SecretSchema)
const checkList = Compile(Type.Object({ secrets: Type.Array(SecretSchema), total: Type.Integer() }))
const checkMade = Compile(Type.Object({ secret_ref: Type.String() }))
const checkAccessList = Compile(
  Type.Object({
    read: Type.Optional(
      Type.Object({
        users: Type.Optional(Type.Array(Type.String())),
        'project-access': Type.Optional(Type.Boolean()),
      }),
    ),
  }),
)

const jsonMaxBytes = 1 << 20
const certificateMaxBytes = 64 * 1024
const pageSecrets = 100
/** Far more than a key has versions, each of which has one. */
const pagesMax = 100
const secretIdForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** What can hold the material of a key; `opaque` is what Barbican takes for granted. */
const keyTypes: ReadonlySet<string> = new Set(['symmetric', 'opaque'])

export const isSecretId = (text: string): boolean => secretIdForm.test(text)

/** Barbican names its secrets by address; only the id counts. */
const idOf = (reference: string): string => {
  const id = reference.slice(reference.lastIndexOf('/') + 1)
  if (!isSecretId(id)) throw new KeyError('unavailable', 'Barbican named a secret in a form that is not known.')
  return id.toLowerCase()
}

const secretOf = (secret: Type.Static<typeof SecretSchema>): Secret => ({
  id: idOf(secret.secret_ref),
  name: secret.name ?? null,
  creatorId: secret.creator_id ?? null,
  isBinary:
    secret.status === 'ACTIVE' &&
    keyTypes.has(secret.secret_type) &&
    secret.content_types?.default === 'application/octet-stream',
})

export const createSecrets = (given: {
  readonly url: string
  readonly ask: Ask
  readonly access: ServiceAccess
}): Secrets => {
  const { ask, access } = given
  const url = given.url.replace(/\/+$/, '').replace(/\/v1$/, '')

  const askBarbican = (token: string, path: string, question: Partial<Question> = {}): Promise<Answer> =>
    ask({
      server: 'Barbican',
      method: 'GET',
      url: `${url}/v1/secrets${path}`,
      maxBytes: jsonMaxBytes,
      ...question,
      headers: { 'x-auth-token': token, ...question.headers },
    })
  const askAsService = (projectId: string | undefined, path: string, question?: Partial<Question>): Promise<Answer> =>
    access.ask(projectId, (token) => askBarbican(token, path, question))

  const payload = { headers: { accept: 'application/octet-stream' }, maxBytes: keyBytes }

  return {
    named: async (projectId, prefix) => {
      const found: Secret[] = []
      for (let offset = 0; offset < pageSecrets * pagesMax; offset += pageSecrets) {
        const query = new URLSearchParams({
          name: `${prefix}%`,
          limit: `${pageSecrets}`,
          offset: `${offset}`,
          sort: 'created',
        })
        const answer = await askAsService(projectId, `?${query}`)
        if (answer.status !== 200) throw unexpected('Barbican', 'list secrets', answer)
        const { secrets, total } = readJson('Barbican', answer, checkList)
        found.push(...secrets.map(secretOf).filter(({ name }) => name?.startsWith(prefix) === true))
        if (secrets.length === 0 || offset + secrets.length >= total) return found
      }
      throw new KeyError('unavailable', 'Barbican does not come to the end of a list of secrets.')
    },

    describe: async (projectId, id) => {
      const answer = await askAsService(projectId, `/${id}`)
      if (answer.status === 404 || answer.status === 403) return undefined
      if (answer.status !== 200) throw unexpected('Barbican', 'describe a secret', answer)
      return secretOf(readJson('Barbican', answer, checkSecret))
    },

    store: async (projectId, name, material) => {
      const answer = await askAsService(projectId, '', {
        method: 'POST',
        json: {
          name,
          secret_type: 'symmetric',
          algorithm: 'aes',
          mode: 'gcm',
          bit_length: keyBytes * 8,
          payload: Buffer.from(material).toString('base64'),
          payload_content_type: 'application/octet-stream',
          payload_content_encoding: 'base64',
        },
      })
      if (answer.status !== 201) throw unexpected('Barbican', 'store a secret', answer)
      return idOf(readJson('Barbican', answer, checkMade).secret_ref)
    },

    remove: async (projectId, id) => {
      const answer = await askAsService(projectId, `/${id}`, { method: 'DELETE' })
      if (answer.status !== 204 && answer.status !== 404) throw unexpected('Barbican', 'remove a secret', answer)
    },

    accessList: async (projectId, id) => {
      const answer = await askAsService(projectId, `/${id}/acl`)
      // Only a secret of this very project shows its list to an administrator of the project.
      if (answer.status === 404 || answer.status === 403) return undefined
      if (answer.status !== 200) throw unexpected('Barbican', 'show who may read a secret', answer)
      const { read } = readJson('Barbican', answer, checkAccessList)
      return { users: new Set(read?.users), projectAccess: read?.['project-access'] ?? true }
    },

    changeAccessList: async (projectId, id, { users, projectAccess }) => {
      const answer = await askAsService(projectId, `/${id}/acl`, {
        method: 'PATCH',
        json: { read: { users: [...users], 'project-access': projectAccess } },
      })
      if (answer.status === 404) return false
      if (answer.status === 400 || answer.status === 413) {
        throw new KeyError('unavailable', `Barbican does not take a list of ${users.size} users (${answer.status}).`)
      }
      if (answer.status !== 200) throw unexpected('Barbican', 'change who may read a secret', answer)
      return true
    },

    read: async (projectId, id, token) => {
      const path = `/${id}/payload`
      const answer =
        token === null ? await askAsService(projectId, path, payload) : await askBarbican(token, path, payload)
      if (answer.status === 200) {
        if (answer.body?.byteLength === keyBytes) return answer.body
        throw new KeyError('damaged', `A secret in Barbican is no key of ${keyBytes * 8} bits.`)
      }
      if (answer.status === 404) throw new KeyError('missing', 'Barbican has no such secret.')
      if (answer.status === 406) throw new KeyError('damaged', 'A secret in Barbican is no key.')
      if (token !== null && (answer.status === 403 || answer.status === 401)) {
        throw new KeyError('refused', `Barbican does not let the caller read the key (${answer.status}).`)
      }
      throw unexpected('Barbican', 'read a secret', answer)
    },

    certificate: async (id, token) => {
      const described = await askBarbican(token, `/${id}`)
      if (described.status !== 200) return undefined
      if (readJson('Barbican', described, checkSecret).secret_type !== 'certificate') return undefined
      const headers = { accept: 'application/octet-stream' }
      const answer = await askBarbican(token, `/${id}/payload`, { headers, maxBytes: certificateMaxBytes })
      return answer.status === 200 ? answer.body : undefined
    },

    check: async () => {
      const answer = await askAsService(undefined, '?limit=1')
      // Where the service keeps no keys of its own, it need not be allowed to look.
      if (answer.status !== 200 && answer.status !== 403) throw unexpected('Barbican', 'list secrets', answer)
    },
  }
}
