import type { FastifyRequest } from 'fastify'
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { apiError } from '../api-error.ts'
import { jsonBody } from '../http/body.ts'
import { isStorable } from './domain.ts'

/** @throws ApiError `invalid_body` */
export const refuseValue = (why: string): never => {
  throw apiError('invalid_body', { why })
}

/**
 * Makes the reader of one kind of request body. Keys that the schema does not name are ignored, as clients send more
 * than this service knows.
 * @returns throws `body_missing`, `malformed_json` or `invalid_body`
 */
export const bodyReader = <Schema extends TSchema>(schema: Schema): ((request: FastifyRequest) => Static<Schema>) => {
  const validator = Compile(schema)
  return (request) => {
    const body = jsonBody(request)
    if (validator.Check(body)) return body
    const [first] = validator.Errors(body)
    const where = first?.instancePath.slice(1).replaceAll('/', '.') ?? ''
    return refuseValue(`${where === '' ? 'it' : where} ${first?.message ?? 'is wrong'}`)
  }
}

/** A value that clients leave out or send as null when there is none. */
export const Maybe = <Schema extends TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]))

export const Name = Type.String({ minLength: 1, maxLength: 255 })
export const Text = Type.String({ maxLength: 1024 })
/** Longer than any person's, short enough that hashing one costs no more than another. */
export const Secret = Type.String({ minLength: 1, maxLength: 4096 })

/**
 * A name to store: no blanks around it, nothing that cannot be seen.
 * @throws ApiError `invalid_attribute`
 */
export const storedName = (attribute: string, sent: string): string => {
  const name = sent.trim()
  if (name === '' || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)) {
    throw apiError('invalid_attribute', { name: attribute, why: 'it is blank or has control characters' })
  }
  return name
}

/** @throws ApiError `invalid_attribute` */
export const storedText = (attribute: string, sent: string | null | undefined): string | null => {
  if (sent === null || sent === undefined) return null
  if (!isStorable(sent))
    throw apiError('invalid_attribute', { name: attribute, why: 'it has characters that no text has' })
  return sent
}
