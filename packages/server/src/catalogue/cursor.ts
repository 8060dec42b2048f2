import { apiError } from '../api-error.ts'
import type { Position } from './queries.ts'

/** Where a page of the catalogue begins: opaque for clients, so that the order may change. */

const cursorOf = ({ publishedAt, id }: Position): string => Buffer.from(`${publishedAt}.${id}`).toString('base64url')

/** @throws ApiError `invalid_parameter` when it is not one of ours */
export const parseAfter = (text: string | undefined): Position | undefined => {
  if (text === undefined || text === '') return undefined
  const decoded = text.length > 200 ? '' : Buffer.from(text, 'base64url').toString('latin1')
  const [, publishedAt, id] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(decoded) ?? []
  if (publishedAt === undefined || id === undefined) {
    throw apiError('invalid_parameter', { name: 'after', why: 'it is not taken from a link of the catalogue' })
  }
  return { publishedAt: Number(publishedAt), id }
}

/** The address of the page that begins after a listing. */
export const afterLink = (path: string, query: string, position: Position): string =>
  `${path}?${query === '' ? '' : `${query}&`}after=${cursorOf(position)}`
