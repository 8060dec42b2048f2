import { apiError } from '../api-error.ts'
import { checkStorable } from '../images/text.ts'

/**
 * Checks every text and number in a value that is to be stored, names of keys included.
 * @param name what the value is, for the message
 * @throws ApiError `invalid_attribute`
 */
export const checkTexts = (name: string, value: unknown): void => {
  if (typeof value === 'string') checkStorable(name, value)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw apiError('invalid_attribute', { name, why: 'it holds a number that is too large' })
  }
  if (Array.isArray(value)) for (const one of value) checkTexts(name, one)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      checkStorable(name, key)
      checkTexts(key, one)
    }
  }
}

/**
 * Checks the name of something that will have a path of its own. A step `.` or `..` is taken out of a path before it is sent.
 * @throws ApiError `invalid_attribute`
 */
export const checkName = (kind: string, name: string): void => {
  if (name === '.' || name === '..') {
    throw apiError('invalid_attribute', { name: `${kind} name`, why: 'it cannot stand in a path' })
  }
}

/** A name as a step of a path. Colons stay, which names of namespaces are full of. */
const step = (name: string): string => encodeURIComponent(name).replaceAll('%3A', ':')

export const namespacePath = (namespace: string): string => `/v2/metadefs/namespaces/${step(namespace)}`

export const objectPath = (namespace: string, object: string): string =>
  `${namespacePath(namespace)}/objects/${step(object)}`
