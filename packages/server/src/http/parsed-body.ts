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
    return `${where === 'it' ? '' : `${where} `}has unknown keys: ${String(params.additionalProperties)}`
  }
  return keyword === 'pattern' ? `${where} holds something that does not belong there` : `${where} ${message}`
}

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
    if (!compiled.Check(value)) throw apiError('invalid_body', { why: whyNot(compiled.Errors(value)) })
    if (!isWellFormed(value)) throw apiError('invalid_body', { why: 'a text in it holds half a character' })
    return value
  }
}

const isWellFormed = (value: unknown): boolean => {
  if (typeof value === 'string') return value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed)
}
