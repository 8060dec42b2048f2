import { apiError } from '../api-error.ts'

const dayMs = 24 * 60 * 60 * 1000
const weekMs = 7 * dayMs
/** 1970 began on a Thursday; this is the Monday after. */
const firstMonday = 4 * dayMs

/** Beginning of the week of an instant: Monday 00:00 UTC. */
export const weekOf = (instant: number): number => Math.floor((instant - firstMonday) / weekMs) * weekMs + firstMonday

/** A week as the API writes it: its Monday. */
export const wireWeek = (week: number): string => new Date(week).toISOString().slice(0, 10)

/**
 * When a withdrawal is to happen, as a caller writes it.
 * @throws ApiError `invalid_attribute` when it is no instant of the future
 */
export const parseFuture = (name: string, text: string, now: number): number => {
  const instant = Date.parse(text)
  if (Number.isNaN(instant)) throw apiError('invalid_attribute', { name, why: 'there is no such date' })
  if (instant <= now) throw apiError('invalid_attribute', { name, why: 'it is in the past' })
  return instant
}
