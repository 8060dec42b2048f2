import type { JsonValue } from '@vitrine/sdk'
import { printable } from '../text.ts'
import { plainText } from './view.ts'

/** Texts that a spreadsheet would take for a formula; a leading apostrophe makes it show them instead. */
const formula = /^[=+\-@\t\r]/

const cell = (value: JsonValue): string => {
  const text = printable(plainText(value))
  const shown = typeof value !== 'number' && formula.test(text) ? `'${text}` : text
  return /[",\n]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown
}

/** A line after RFC 4180, but ended by a line feed alone. Names come from other projects: none becomes a formula. */
export const csvLine = (values: readonly JsonValue[]): string => `${values.map(cell).join(',')}\n`
