import { InvalidArgumentError } from 'commander'
import { usageError } from './command-error.ts'
import { formatInstant } from './units.ts'

/** A point in time as it is written on a command line: so far from now, or a date. */
export type When = { distanceMs: number } | { at: Date }

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const unitsMs = new Map([
  ['min', minuteMs],
  ['h', hourMs],
  ['d', dayMs],
  ['w', 7 * dayMs],
])

const durationPattern = /^(\d{1,5})([a-z]+)$/
const datePattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

const isValid = (date: Date): boolean => !Number.isNaN(date.getTime())

/** A day, which begins at 00:00 UTC, or an instant with its zone; undefined when it is neither. */
export const parseDate = (text: string): Date | undefined => {
  if (!datePattern.test(text)) return undefined
  const day = text.slice(0, 10)
  const dayStart = new Date(day)
  // The platform takes 30 February for a day in March.
  if (!isValid(dayStart) || !dayStart.toISOString().startsWith(day)) return undefined
  const date = new Date(text)
  return isValid(date) ? date : undefined
}

/**
 * `30d`, `12h`, `2w`, `45min`, `2027-01-31` or `2027-01-31T12:00:00Z`. There is no `m`: a month that was meant must not
 * become a minute.
 */
export const parseWhen = (text: string): When => {
  const [, count, unit] = durationPattern.exec(text) ?? []
  const unitMs = unitsMs.get(unit ?? '')
  if (unitMs !== undefined) return { distanceMs: Number(count) * unitMs }
  const at = parseDate(text)
  if (at !== undefined) return { at }
  throw new InvalidArgumentError(
    'Write it as 30d, 12h, 2w or 45min from now, or as 2027-01-31 or 2027-01-31T12:00:00Z.',
  )
}

/**
 * The instant that is meant, in whole seconds, as on the wire.
 * @param option that it was given with
 * @throws CommandError (usage) when it has passed
 */
export function resolveWhen(when: When, nowMs: number, option: string): Date
export function resolveWhen(when: When | undefined, nowMs: number, option: string): Date | undefined
export function resolveWhen(when: When | undefined, nowMs: number, option: string): Date | undefined {
  if (when === undefined) return undefined
  const ms = 'at' in when ? when.at.getTime() : nowMs + when.distanceMs
  const date = new Date(Math.floor(ms / 1000) * 1000)
  if (date.getTime() > nowMs) return date
  throw usageError(`The time of ${option} has passed: ${formatInstant(date)}.`, 'A date means 00:00 UTC of that day.')
}

/**
 * The same for a beginning in the past: `30d` is 30 days ago.
 * @throws CommandError (usage) when it is yet to come
 */
export const resolveSince = (when: When, nowMs: number, option: string): Date => {
  const ms = 'at' in when ? when.at.getTime() : nowMs - when.distanceMs
  if (ms <= nowMs) return new Date(Math.floor(ms / 1000) * 1000)
  throw usageError(`The time of ${option} is yet to come: ${formatInstant(new Date(ms))}.`)
}
