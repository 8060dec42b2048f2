import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { apiError } from '../api-error.ts'
import type { Expectation } from '../data/expectation.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { statedHash } from '../images/expected.ts'

/** Source: https://docs.openstack.org/api-ref/image/v2/#locations */
export const LocationSchema = Type.Object({
  url: Type.String({ minLength: 1, maxLength: 8192, description: 'Where the bytes are: http or https.' }),
  validation_data: Type.Optional(
    Type.Object({
      os_hash_algo: Type.Optional(Type.String({ description: 'md5, sha1, sha256 or sha512.' })),
      os_hash_value: Type.Optional(Type.String({ description: 'The digest in hex.' })),
    }),
  ),
})

/** A location as it is asked for. */
export interface LocationRequest {
  readonly url: string
  readonly expected: Expectation | undefined
}

const parse = bodyParser(LocationSchema)

/** @throws ApiError `body_missing`, `malformed_json`, `invalid_body` */
export const parseLocation = (request: FastifyRequest): LocationRequest => {
  const { url, validation_data: data = {} } = parse(request)
  const { os_hash_algo: algorithm, os_hash_value: value } = data
  if (algorithm === undefined && value === undefined) return { url, expected: undefined }
  const hash = algorithm === undefined || value === undefined ? undefined : statedHash(algorithm, value)
  if (hash === undefined || hash.algorithm !== algorithm) {
    const why = 'validation_data needs os_hash_algo (md5, sha1, sha256, sha512) and os_hash_value, its digest in hex'
    throw apiError('invalid_body', { why })
  }
  return { url, expected: { sizeBytes: undefined, hashes: [hash], source: 'stated' } }
}
