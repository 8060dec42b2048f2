import { apiError } from '../api-error.ts'

/**
 * An instant as a caller writes it (UTC), in milliseconds since 1970.
 * @param name what it is, for the message
 * @throws ApiError `invalid_attribute` for a date that is none, such as 30 February
 */
export const parseInstant = (name: string, text: string): number => {
  const instant = Date.parse(text)
  // A day too many is taken for one of the next month otherwise.
  if (Number.isNaN(instant) || !text.startsWith(new Date(instant).toISOString().slice(0, 10))) {
    throw apiError('invalid_attribute', { name, why: 'there is no such date' })
  }
  return instant
}

/** The same for an instant of the future. @throws ApiError `invalid_attribute` */
export const parseFuture = (name: string, text: string, now: number): number => {
  const instant = parseInstant(name, text)
  if (instant <= now) throw apiError('invalid_attribute', { name, why: 'it is in the past' })
  return instant
}
