import type { JsonObject, JsonValue } from '@vitrine/sdk'

/** One attribute as it is shown. */
export interface Column<T> {
  /** Name in json and yaml, and for `-c`. */
  key: string
  /** Heading in a table. */
  title: string
  /** What `value`, json and yaml show. */
  value(thing: T): JsonValue
  /** What a table shows, where that is something else. */
  text?: ((thing: T) => string) | undefined
  /** What a row of a table shows, where there is room for even less. */
  row?: ((thing: T) => string) | undefined
  /** The value is an instant; tables tell it from now on (`3 h ago`). */
  instant?: boolean | undefined
}

/** How things of one kind are shown. */
export interface View<T> {
  /** Shown when none are asked for. */
  columns: readonly Column<T>[]
  /** More that can be asked for. */
  more?: readonly Column<T>[]
  /** Everything, under the names of the wire; what json and yaml show when no columns are asked for. */
  document(thing: T): JsonObject
  /** Attributes have names of their own (custom properties of images), so any name can be asked for. */
  open?: boolean
}

/** A value as one line of text. */
export const plainText = (value: JsonValue): string => {
  if (value === null) return ''
  if (Array.isArray(value)) return value.map(plainText).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** The same for a person: of an object its names and values, as far as it has any. */
export const readableText = (value: JsonValue): string => {
  if (value === null || typeof value !== 'object') return plainText(value)
  if (Array.isArray(value)) return value.map(readableText).join(', ')
  const told = Object.entries(value).filter(([, each]) => each !== null)
  return told.map(([name, each]) => `${name}=${readableText(each)}`).join(' ')
}

export const own = (document: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(document, key) ? document[key] : undefined

/** A column that shows a key of the document as it is. */
export const documentColumn = <T>(view: View<T>, key: string): Column<T> => ({
  key,
  title: key,
  value: (thing) => own(view.document(thing), key) ?? null,
})
