import type { IncomingMessage } from 'node:http'
import { apiError } from '../api-error.ts'
import { statedHash } from '../images/expected.ts'
import type { Expectation } from './expectation.ts'

/** Algorithms of the registry of these headers that say something; the others are let pass, as it demands. */
const known: ReadonlySet<string> = new Set(['sha-256', 'sha-512'])

const item = /^([a-z0-9-]+)=:([A-Za-z0-9+/]+={0,2}):$/

const digestsIn = (name: string, text: string): Expectation['hashes'] =>
  text.split(',').flatMap((part) => {
    const [, key = '', base64 = ''] = item.exec(part.trim()) ?? []
    if (key === '') throw apiError('invalid_header', { name, why: 'it must be like sha-256=:BASE64:' })
    if (!known.has(key)) return []
    const hash = statedHash(key, Buffer.from(base64, 'base64').toString('hex'))
    if (hash === undefined) throw apiError('invalid_header', { name, why: `its ${key} has another length` })
    return [hash]
  })

/**
 * The digests that a client states with its bytes.
 * Source: https://www.rfc-editor.org/rfc/rfc9530
 * @throws ApiError `invalid_header`
 */
export const digestHeaders = (headers: IncomingMessage['headers']): Expectation => {
  const hashes = ['content-digest', 'repr-digest'].flatMap((name) => {
    const sent = headers[name]
    return typeof sent === 'string' && sent.trim() !== '' ? digestsIn(name, sent) : []
  })
  return { sizeBytes: undefined, hashes, source: 'stated' }
}
