/** Anything that JSON can hold. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

/**
 * The value in a JSON text.
 * @throws SyntaxError when the text is not JSON
 */
export const parseJson = (text: string): JsonValue => JSON.parse(text)

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isJsonObject = (value: JsonValue | undefined): value is JsonObject => isObject(value)

/** The member of that name if the object has it itself: names come from outside and may be `constructor`. */
export const own = (object: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

export const stringIn = (object: JsonObject, name: string): string | undefined => {
  const value = own(object, name)
  return typeof value === 'string' ? value : undefined
}

export const numberIn = (object: JsonObject, name: string): number | undefined => {
  const value = own(object, name)
  return typeof value === 'number' ? value : undefined
}

export const booleanIn = (object: JsonObject, name: string): boolean | undefined => {
  const value = own(object, name)
  return typeof value === 'boolean' ? value : undefined
}

export const objectIn = (object: JsonObject, name: string): JsonObject | undefined => {
  const value = own(object, name)
  return isJsonObject(value) ? value : undefined
}

export const arrayIn = (object: JsonObject, name: string): JsonValue[] | undefined => {
  const value = own(object, name)
  return Array.isArray(value) ? value : undefined
}

/** An instant as clouds write it: ISO 8601, in UTC when no zone is named. */
export const parseDate = (text: string): Date | undefined => {
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`
  const date = new Date(zoned)
  return Number.isNaN(date.getTime()) ? undefined : date
}

export const dateIn = (object: JsonObject, name: string): Date | undefined => {
  const text = stringIn(object, name)
  return text === undefined ? undefined : parseDate(text)
}
