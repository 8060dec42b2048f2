import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import type { Clouds } from './actors.ts'
import type { Credentials, Domain } from './identity.ts'
import { at, type Json } from './json.ts'
import type { ListenAt } from './receivers.ts'

export interface Options {
  clouds: Clouds
  endpoint: URL | undefined
  only: RegExp | undefined
  glance: boolean
  /** Where to wait for the mails of the service; absent: nowhere. */
  smtp: ListenAt | undefined
  /** Where to wait for its webhooks. */
  webhooks: ListenAt | undefined
  /** Where to serve what imports fetch. */
  content: ListenAt | undefined
  /** The name under which the service knows that address as another region. */
  region: string | undefined
}

export const usage = `Usage: node conformance/src/main.ts --clouds FILE | --auth-url URL --password PASSWORD [more]

Who to be
  --clouds FILE       a clouds.yaml with the cloud admin; producer and consumer are used when they are there
  --auth-url URL      the identity service (v3), instead of a file
  --username NAME     of the administrator (admin)
  --password TEXT     of the administrator; the environment variable OS_PASSWORD does as well
  --project NAME      of the administrator (admin)
  --domain NAME       of user and project (Default)

What to do
  --endpoint URL      of the image service; default: the public one of the catalogue
  --only PATTERN      run only expectations whose group and name match this regular expression
  --glance            leave out what goes beyond OpenStack's own image service, or decides otherwise
  --smtp HOST:PORT    receive the mails of the service here; it must be set to send to this address
  --webhooks HOST:PORT
                      receive webhooks here; the service must be set to allow calls to this address
  --content HOST:PORT serve what imports fetch here; the service must be set to allow imports from this address
  --region NAME       the region of the service whose image endpoint is that address, to import from it
`

const domain = (auth: Json | undefined, kind: 'user' | 'project'): Domain => {
  const id = at(auth, `${kind}_domain_id`)
  if (typeof id === 'string') return { id }
  const name = at(auth, `${kind}_domain_name`)
  return { name: typeof name === 'string' ? name : 'Default' }
}

const credentialsOf = (cloud: Json | undefined): Credentials => {
  const auth = at(cloud, 'auth')
  const text = (key: string): string => {
    const value = at(auth, key)
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    throw new Error(`a cloud of the file has no auth.${key}`)
  }
  return {
    authUrl: text('auth_url'),
    username: text('username'),
    password: text('password'),
    userDomain: domain(auth, 'user'),
    projectName: text('project_name'),
    projectDomain: domain(auth, 'project'),
  }
}

/** The clouds admin, producer and consumer of a `clouds.yaml`. */
export const readClouds = (text: string): Clouds => {
  const document: Json = parse(text)
  const clouds = at(document, 'clouds')
  const admin = at(clouds, 'admin')
  if (admin === undefined) throw new Error('the file has no cloud named admin')
  const producer = at(clouds, 'producer')
  const consumer = at(clouds, 'consumer')
  return {
    admin: credentialsOf(admin),
    ...(producer === undefined ? {} : { producer: credentialsOf(producer) }),
    ...(consumer === undefined ? {} : { consumer: credentialsOf(consumer) }),
  }
}

const listenAt = (text: string | undefined): ListenAt | undefined => {
  if (text === undefined) return undefined
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? []
  if (host === undefined) throw new Error(`${text} is not HOST:PORT`)
  return { host, port: Number(port) }
}

/** @throws with a sentence for the person who typed the arguments */
export const readOptions = (args: string[], environment: NodeJS.ProcessEnv): Options => {
  const { values } = parseArgs({
    args,
    options: {
      clouds: { type: 'string' },
      'auth-url': { type: 'string' },
      username: { type: 'string', default: 'admin' },
      password: { type: 'string' },
      project: { type: 'string', default: 'admin' },
      domain: { type: 'string', default: 'Default' },
      endpoint: { type: 'string' },
      only: { type: 'string' },
      glance: { type: 'boolean', default: false },
      smtp: { type: 'string' },
      webhooks: { type: 'string' },
      content: { type: 'string' },
      region: { type: 'string' },
    },
  })
  const common = {
    endpoint: values.endpoint === undefined ? undefined : new URL(values.endpoint),
    only: values.only === undefined ? undefined : new RegExp(values.only, 'i'),
    glance: values.glance,
    smtp: listenAt(values.smtp),
    webhooks: listenAt(values.webhooks),
    content: listenAt(values.content),
    region: values.region,
  }
  if (values.clouds !== undefined) return { ...common, clouds: readClouds(readFileSync(values.clouds, 'utf8')) }
  const authUrl = values['auth-url']
  const password = values.password ?? environment.OS_PASSWORD
  if (authUrl === undefined) throw new Error('give --clouds FILE or --auth-url URL')
  if (password === undefined) throw new Error('give --password, or put it into OS_PASSWORD')
  const admin: Credentials = {
    authUrl,
    username: values.username,
    password,
    userDomain: { name: values.domain },
    projectName: values.project,
    projectDomain: { name: values.domain },
  }
  return { ...common, clouds: { admin } }
}
