import { ConfigurationError, InvalidArgumentError } from './errors.ts'

/** The address in a text, or undefined. (`URL.parse` is younger than the platforms this runs on.) */
export const readUrl = (text: string, base?: string): URL | undefined =>
  URL.canParse(text, base) ? new URL(text, base) : undefined

/**
 * An address that a person or a catalogue gave.
 * @throws ConfigurationError without repeating the address, which may hold a password
 */
export const parseAddress = (text: string, what: string): URL => {
  const url = readUrl(text)
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError(`${what} is not an address. Write it like https://cloud.example.org:9292.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConfigurationError(`${what} holds a name or a password. Give credentials as auth, never in the address.`)
  }
  url.hash = ''
  return url
}

/**
 * The base of the Image API v2 below an endpoint, without a slash at the end. Clouds publish it with or without the
 * version (`https://image.example.org`, `https://image.example.org/v2`, `https://image.example.org/v2/TENANT`).
 */
export const imageBase = (endpoint: string): string => {
  const url = parseAddress(endpoint, 'The endpoint of the image service')
  const path = url.pathname.replace(/\/+$/, '')
  if (/\/v2(?:\.\d+)?(?:\/|$)/.test(path)) return url.origin + path
  return `${url.origin + path.replace(/\/v\d+(?:\.\d+)?$/, '')}/v2`
}

/**
 * An id, name or tag as one segment of a path.
 * @throws InvalidArgumentError for a text that would address something else: `..` as a member id is the image itself
 */
export const pathSegment = (text: string, what: string): string => {
  if (text === '' || text === '.' || text === '..') {
    throw new InvalidArgumentError(`${what} cannot be ${JSON.stringify(text)}.`)
  }
  if (!text.isWellFormed()) throw new InvalidArgumentError(`${what} is not well-formed Unicode.`)
  return encodeURIComponent(text)
}
