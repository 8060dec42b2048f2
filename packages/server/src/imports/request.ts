import { type ImportDocument, type ImportMethod, ImportSchema, importMethods, isUuid } from '@vitrine/contract'
import type { FastifyRequest } from 'fastify'
import { apiError } from '../api-error.ts'
import type { Expectation } from '../data/expectation.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { statedHash } from '../images/expected.ts'
import type { Service } from '../service.ts'
import type { ImportOrigin } from './work.ts'

/** Which stores an import is for, as it is asked. */
export interface StoreChoice {
  /** Undefined: the default store. */
  readonly names: readonly string[] | undefined
  readonly all: boolean
  readonly allMustSucceed: boolean
}

/** An import as it is asked, before anything is looked up. */
export interface ImportRequest {
  readonly method: ImportMethod
  readonly document: ImportDocument
  readonly stores: StoreChoice
  readonly expected: Expectation | undefined
}

const parseDocument = bodyParser(ImportSchema)

const refuse = (why: string) => apiError('invalid_body', { why })

const methodOf = (name: string, enabled: readonly ImportMethod[]): ImportMethod => {
  const method = importMethods.find((known) => known === name && enabled.includes(known))
  if (method === undefined) throw refuse(`method.name must be one of ${enabled.join(', ')}`)
  return method
}

const choiceOf = (document: ImportDocument, header: string | undefined): StoreChoice => {
  const { stores, all_stores: all = false, all_stores_must_succeed: allMustSucceed = true } = document
  if (stores !== undefined && header !== undefined) {
    throw refuse('stores are named in the body or in X-Image-Meta-Store, not in both')
  }
  const names = stores ?? (header === undefined ? undefined : [header])
  if (all && names !== undefined) throw refuse('all_stores cannot be combined with stores that are named')
  return { names: names?.length === 0 ? undefined : names, all, allMustSucceed }
}

const expectedOf = ({ expected }: ImportDocument): Expectation | undefined => {
  if (expected === undefined) return undefined
  const { size, os_hash_algo: algorithm, os_hash_value: value } = expected
  if ((algorithm === undefined) !== (value === undefined)) {
    throw refuse('expected.os_hash_algo and expected.os_hash_value belong together')
  }
  const hash = algorithm === undefined || value === undefined ? undefined : statedHash(algorithm, value)
  if (algorithm !== undefined && hash === undefined) {
    throw refuse('expected.os_hash_value must be a digest by sha512, sha256, sha1 or md5 in hex')
  }
  return { sizeBytes: size, hashes: hash === undefined ? [] : [hash], source: 'stated' }
}

/**
 * What a request to import asks for.
 * @throws ApiError `body_missing`, `malformed_json`, `invalid_body`
 */
export const parseImport = ({ importMethods: enabled }: Service, request: FastifyRequest): ImportRequest => {
  const document = parseDocument(request)
  const method = methodOf(document.method.name, enabled)
  const header = request.headers['x-image-meta-store']
  const stores = choiceOf(document, typeof header === 'string' && header !== '' ? header : undefined)
  return { method, document, stores, expected: expectedOf(document) }
}

/**
 * Where the bytes are to come from. Asked once it is known that the image can be imported.
 * @throws ApiError `invalid_body`
 */
export const originOf = ({ method, document }: ImportRequest): ImportOrigin => {
  const { uri, glance_region: region, glance_image_id: imageId } = document.method
  switch (method) {
    case 'glance-direct':
    case 'copy-image':
      return { method }
    case 'web-download':
      if (uri === undefined) throw refuse('web-download needs method.uri')
      return { method, uri }
    case 'glance-download':
      if (region === undefined || imageId === undefined) {
        throw refuse('glance-download needs method.glance_region and method.glance_image_id')
      }
      if (!isUuid(imageId)) throw refuse('method.glance_image_id must be a UUID')
      return { method, region, imageId }
  }
}
