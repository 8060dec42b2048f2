import type { FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { apiError } from '../api-error.ts'
import { jsonBody } from './body.ts'

/** Sentences for what a schema refuses, without what was sent. */
const whyNot = (
  errors: readonly { instancePath: string; keyword: string; message: string; params: object }[],
): string => {
  const [first] = errors
  if (first === undefined) return 'it does not fit'
  const { instancePath, keyword, message, params } = first
  const where = instancePath === '' ? 'it' : instancePath.slice(1).replaceAll('/', '.')
  if (keyword === 'additionalProperties' && 'additionalProperties' in params) {
    return `${where === 'it' ? '' : `${where} `}has unknown keys: ${String(params.additionalProperties).slice(0, 200)}`
  }
  return keyword === 'pattern' ? `${where} holds something that does not belong there` : `${where} ${message}`
}

const listMax = 1000
/** Deeper than any body is; what is far deeper cannot even be looked at. */
const levelsMax = 16

/**
 * Whether a list in a value that is refused is longer than any that is taken. Saying what is wrong with it could take
 * minutes: all of its elements would be compared with each other.
 */
const isVast = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false
  return (Array.isArray(value) && value.length > listMax) || Object.values(value).some(isVast)
}

const isDeep = (value: unknown, levels = levelsMax): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((part) => isDeep(part, levels - 1)))

/**
 * A parser of JSON bodies of the extensions. Keys that a schema does not know are refused, not dropped.
 * @returns the body as the schema says, or throws ApiError `body_missing`, `malformed_json`, `invalid_body`
 */
export const bodyParser = <Schema extends TSchema>(schema: Schema): ((request: FastifyRequest) => Static<Schema>) => {
  const checked = parser(schema)
  return (request) => checked(jsonBody(request))
}

/** The same for a value that is no body, such as the fields of a form. */
export const parser = <Schema extends TSchema>(schema: Schema): ((value: unknown) => Static<Schema>) => {
  const compiled = Compile(schema)
  return (value) => {
    if (isDeep(value)) throw apiError('invalid_body', { why: `it has more than ${levelsMax} levels` })
    if (!compiled.Check(value)) {
      const why = isVast(value) ? `a list in it has more than ${listMax} elements` : whyNot(compiled.Errors(value))
      throw apiError('invalid_body', { why })
    }
    if (!isWellFormed(value)) throw apiError('invalid_body', { why: 'a text in it holds half a character' })
    return value
  }
}

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed)
}
