import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'

/**
 * Refuses what must never stand in an address, before anything reads it. U+0000: PostgreSQL can neither store nor compare it.
 * `#`: no client sends it, and what comes after it would be read by some parts and not by others.
 */
export const refuseOddAddresses = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    const { url } = request
    if (url.includes('%00') || url.includes('#')) done(apiError('malformed_path', {}))
    else done()
  })
}

/** The path of an address, without its query. */
export const pathOf = (url: string): string => {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

/** The parameters of a query in their order, repeated ones included. */
export type QueryParameters = readonly (readonly [name: string, value: string])[]

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw apiError('malformed_path', {})
  }
}

/**
 * @param url as it stands in the request line
 * @throws ApiError `malformed_path` when a part is not percent-encoded UTF-8
 */
export const parseQuery = (url: string): QueryParameters => {
  const start = url.indexOf('?')
  if (start === -1) return []
  return url
    .slice(start + 1)
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...value] = part.split('=')
      return [decode(name), decode(value.join('='))] as const
    })
}

/** The query without the marker, or with another one: what `first` and `next` point at. */
export const pageLink = (path: string, parameters: QueryParameters, marker?: string): string => {
  const kept = parameters.filter(([name]) => name !== 'marker')
  if (marker !== undefined) kept.push(['marker', marker])
  const query = kept.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
  return query === '' ? path : `${path}?${query}`
}

/**
 * The length of a page.
 * @throws ApiError `invalid_parameter`
 */
export const parseLimit = (text: string | undefined, sizes: { page_size: number; page_size_max: number }): number => {
  if (text === undefined) return Math.min(sizes.page_size, sizes.page_size_max)
  if (!/^\d{1,15}$/.test(text)) {
    throw apiError('invalid_parameter', { name: 'limit', why: 'it must be a whole number, zero or more' })
  }
  return Math.min(Number(text), sizes.page_size_max)
}
