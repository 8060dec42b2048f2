import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { type Column, own, plainText, type View } from './output/view.ts'
import { formatBytes } from './units.ts'

/** Columns and views of documents, under the names of the wire. */
export type DocumentColumn = Column<JsonObject>

const read = (key: string) => (document: JsonObject) => own(document, key) ?? null

/** An attribute as it is. */
export const field = (key: string, title: string): DocumentColumn => ({ key, title, value: read(key) })

/** An instant. */
export const instant = (key: string, title: string): DocumentColumn => ({ ...field(key, title), instant: true })

/** A number of bytes. */
export const bytes = (key: string, title: string): DocumentColumn => ({
  ...field(key, title),
  text: (document) => {
    const size = own(document, key)
    return typeof size === 'number' ? formatBytes(size) : ''
  },
})

export const yesNo = (key: string, title: string): DocumentColumn => ({
  ...field(key, title),
  text: (document) => {
    const value = own(document, key)
    return typeof value === 'boolean' ? (value ? 'yes' : 'no') : ''
  },
})

const shortened = (text: string, longest: number): string => {
  const characters = [...text]
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : text
}

/** Words of a person, which may be many: in lists their beginning on one line. */
export const prose = (key: string, title: string, longest = 40): DocumentColumn => ({
  ...field(key, title),
  row: (document) => shortened(plainText(read(key)(document)).replaceAll(/\s+/g, ' ').trim(), longest),
})

/** The same column with a value found elsewhere. */
export const computed = (key: string, title: string, value: (document: JsonObject) => JsonValue): DocumentColumn => ({
  key,
  title,
  value,
})

/** Documents as rows with these columns; everything else of them with json, yaml and `-c`. */
export const documentView = (
  columns: readonly DocumentColumn[],
  more: readonly DocumentColumn[] = [],
): View<JsonObject> => ({ columns, more, document: (document) => document, open: true })
