import { readPasswords } from '../../packages/server/src/identity/clouds-file.ts'

/** A user of the demonstration with a token for the user's own project. */
export interface Account {
  readonly token: string
  readonly projectId: string
}

export interface Accounts {
  readonly producer: Account
  readonly consumer: Account
}

const refuse = async (what: string, response: Response): Promise<never> => {
  throw new Error(`${what} was answered ${response.status}: ${(await response.text()).slice(0, 500)}`)
}

const logIn = async (url: string, name: string, password: string): Promise<Account> => {
  const domain = { id: 'default' }
  const response = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name, domain, password } } },
        scope: { project: { name, domain } },
      },
    }),
  })
  const token = response.headers.get('x-subject-token')
  if (response.status !== 201 || token === null) return refuse(`The login of ${name}`, response)
  const document: { token: { project: { id: string } } } = JSON.parse(await response.text())
  return { token, projectId: document.token.project.id }
}

/** Logs in with the passwords that the service has written into its data folder. */
export const logInAll = async (url: string, data: string): Promise<Accounts> => {
  const passwords = await readPasswords(data, ['producer', 'consumer'])
  const [producer, consumer] = ['producer', 'consumer'].map((name) => logIn(url, name, passwords.get(name) ?? ''))
  if (producer === undefined || consumer === undefined) throw new Error('There are two accounts.')
  return { producer: await producer, consumer: await consumer }
}

/** @returns the id of a new image that waits for bytes of any kind */
export const createImage = async (url: string, { token }: Account, name: string): Promise<string> => {
  const response = await fetch(`${url}/v2/images`, {
    method: 'POST',
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ name, disk_format: 'raw', container_format: 'bare' }),
  })
  if (response.status !== 201) return refuse('The creation of an image', response)
  const document: { id: string } = JSON.parse(await response.text())
  return document.id
}

export const deleteImage = async (url: string, { token }: Account, id: string): Promise<void> => {
  const response = await fetch(`${url}/v2/images/${id}`, { method: 'DELETE', headers: { 'x-auth-token': token } })
  if (response.status !== 204) await refuse('The deletion of an image', response)
}

/** The head of a request on a connection that is kept; with `body`, the whole request. */
export const requestText = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>>,
  body?: string,
): string => {
  const all = { Host: '127.0.0.1', ...headers, ...(body === undefined ? {} : { 'Content-Length': body.length }) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}

/** What a client gets for a path: to be answered by the bare server likewise, and looked at. */
export interface Capture {
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** @param account without one, it is anybody who asks */
export const capture = async (url: string, path: string, account?: Account): Promise<Capture> => {
  const headers = account === undefined ? undefined : { headers: { 'x-auth-token': account.token } }
  const response = await fetch(`${url}${path}`, headers)
  if (response.status !== 200) return refuse(path, response)
  // These are made by Node itself for every answer, also for those of the bare server.
  const own = new Set(['date', 'connection', 'keep-alive'])
  return { headers: [...response.headers].filter(([name]) => !own.has(name)), body: await response.text() }
}

/** @returns the address of a new link to the bytes of an image */
export const createLink = async (url: string, { token }: Account, id: string): Promise<string> => {
  const response = await fetch(`${url}/v2/images/${id}/links`, { method: 'POST', headers: { 'x-auth-token': token } })
  if (response.status !== 201) return refuse('The creation of a link', response)
  const document: { url: string } = JSON.parse(await response.text())
  return document.url
}

/** Begins a resumable upload of so many bytes. @returns the path that its parts go to */
export const beginUpload = async (url: string, { token }: Account, id: string, sizeBytes: number): Promise<string> => {
  const response = await fetch(`${url}/v2/images/${id}/uploads`, {
    method: 'POST',
    headers: { 'x-auth-token': token, 'tus-resumable': '1.0.0', 'upload-length': String(sizeBytes) },
  })
  const location = response.headers.get('location')
  if (response.status !== 201 || location === null) return refuse('The beginning of an upload', response)
  return new URL(location).pathname
}
