import { ConfigError } from '../config.ts'

/** Where an S3 store is. */
export interface S3Place {
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  readonly region: string
  /** undefined: Amazon, at the region. */
  readonly endpoint: string | undefined
  /** undefined: those that the environment, the shared files or the machine's role give. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** The longest that the store may leave a call without an answer, and a transfer without a byte. */
  readonly patienceMs: number
}

const known = ['endpoint', 'region', 'timeout_seconds', 'description', 'weight']

// What stands in the setting may be a secret in the wrong place: no message repeats it.
const refuse = (name: string, what: string): never => {
  throw new ConfigError(`The store ${name} ${what}`)
}

const endpointOf = (name: string, text: string | null): string | undefined => {
  if (text === null) return undefined
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return refuse(name, 'needs an http or https URL as endpoint')
  const { origin, pathname, search, username, password } = new URL(text)
  if (pathname !== '/' || search !== '') return refuse(name, 'needs an endpoint without a path')
  if (username !== '' || password !== '')
    return refuse(name, 'takes credentials before the bucket: s3://KEY:SECRET@bucket')
  return origin
}

const credentialsOf = (name: string, { username, password }: URL): S3Place['credentials'] => {
  if (username === '' && password === '') return undefined
  if (username === '' || password === '') return refuse(name, 'needs both an access key and its secret')
  try {
    return { accessKeyId: decodeURIComponent(username), secretAccessKey: decodeURIComponent(password) }
  } catch {
    return refuse(name, 'has credentials that are not percent-encoded')
  }
}

const patienceOf = (name: string, text: string | null): number => {
  if (text === null) return 30_000
  if (!/^[1-9]\d{0,3}$/.test(text)) return refuse(name, 'needs whole seconds as timeout_seconds')
  return Number(text) * 1000
}

/**
 * @param location `s3://[KEY:SECRET@]bucket[/prefix][?endpoint=URL&region=NAME&timeout_seconds=N]`
 * @throws ConfigError
 */
export const s3PlaceOf = (name: string, location: URL): S3Place => {
  const { hostname, port, pathname, searchParams } = location
  for (const key of searchParams.keys()) {
    if (!known.includes(key)) refuse(name, `has a parameter that is none of ${known.join(', ')}`)
  }
  if (!/^[a-z0-9][\w.-]{2,62}$/i.test(hostname) || port !== '') refuse(name, 'needs a bucket: s3://bucket/prefix')
  const prefix = pathname.replace(/^\/+|\/+$/g, '')
  if (!/^[\w./-]{0,200}$/.test(prefix)) refuse(name, 'needs a prefix of letters, digits, dots, slashes, - and _')
  return {
    bucket: hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    region: searchParams.get('region') ?? 'us-east-1',
    endpoint: endpointOf(name, searchParams.get('endpoint')),
    credentials: credentialsOf(name, location),
    patienceMs: patienceOf(name, searchParams.get('timeout_seconds')),
  }
}
