import { type CamelCase, camelCase, type OrUndefined } from './attributes.ts'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { isJsonObject, type JsonObject, type JsonValue, own, parseDate } from './json.ts'

/** A known word, or one that only another release or cloud knows. */
export type Open<Word extends string> = Word | (string & {})

/**
 * Reads one value of an answer.
 * @param what names the value in the error
 * @throws UnexpectedResponseError when it is not what it must be
 */
export type Parse<T> = (value: JsonValue | undefined, what: string) => T

const improper = (what: string): UnexpectedResponseError =>
  new UnexpectedResponseError(`The service sent no proper ${what}.`)

export const text: Parse<string> = (value, what) => {
  if (typeof value === 'string') return value
  throw improper(what)
}

export const integer: Parse<number> = (value, what) => {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  throw improper(what)
}

export const flag: Parse<boolean> = (value, what) => {
  if (typeof value === 'boolean') return value
  throw improper(what)
}

export const instant: Parse<Date> = (value, what) => {
  const date = typeof value === 'string' ? parseDate(value) : undefined
  if (date !== undefined) return date
  throw improper(what)
}

/** One of these words and no other. */
export const oneOf =
  <Word extends string>(words: readonly Word[]): Parse<Word> =>
  (value, what) => {
    const word = words.find((known) => known === value)
    if (word !== undefined) return word
    throw improper(what)
  }

/** One of these words as far as they are known here; a later release may send others. */
export const word =
  <Word extends string>(): Parse<Open<Word>> =>
  (value, what) =>
    text(value, what)

export const orNull =
  <T>(parse: Parse<T>): Parse<T | null> =>
  (value, what) =>
    value === null || value === undefined ? null : parse(value, what)

export const optional =
  <T>(parse: Parse<T>): Parse<T | undefined> =>
  (value, what) =>
    value === undefined ? undefined : parse(value, what)

/** What an older service, which sends no such field, means by that. */
export const orElse =
  <T>(parse: Parse<T>, meant: T): Parse<T> =>
  (value, what) =>
    value === undefined ? meant : parse(value, what)

export const listOf =
  <T>(parse: Parse<T>): Parse<T[]> =>
  (value, what) => {
    if (Array.isArray(value)) return value.map((element) => parse(element, what))
    throw improper(what)
  }

/** What a field of that type on the wire can become. */
type Readable<Wire> = Wire extends string ? Wire | Date | string : Wire extends number | boolean | null ? Wire : unknown

/** A parser for every field of a document of the wire, so that a field that is added there is not forgotten here. */
export type Shape<Document> = { readonly [Name in keyof Document]-?: Parse<Readable<Document[Name]>> }

/** What is read by such parsers, under names in camel case. */
export type Fields<Parsers> = {
  readonly [Name in keyof Parsers & string as CamelCase<Name>]: Parsers[Name] extends Parse<infer T> ? T : never
}

/** Reads an object. @param name what it is, for the error */
export const record =
  <Parsers extends Readonly<Record<string, Parse<unknown>>>>(name: string, parsers: Parsers) =>
  (value: JsonValue | undefined, what = name): Fields<Parsers> => {
    if (!isJsonObject(value)) throw improper(what)
    const fields: Record<string, unknown> = {}
    for (const [key, parse] of Object.entries(parsers)) {
      fields[camelCase(key)] = parse(own(value, key), `${name} (${key})`)
    }
    // Every name of the shape is there, with what its own parser gave.
    return fields as Fields<Parsers>
  }

/**
 * A class whose objects have the fields of a document as their own properties; a subclass adds what can be done with it,
 * and takes a newer document with `Object.assign(this, read(document))`.
 */
export const withFields = <T extends object>(
  read: (document: JsonValue | undefined) => T,
): (new (
  document: JsonValue | undefined,
) => T) =>
  class {
    constructor(document: JsonValue | undefined) {
      Object.assign(this, read(document))
    }
  } as new (
    document: JsonValue | undefined,
  ) => T

/** Fields to send, in camel case; those that are undefined are left out. */
export type CamelFields<Document> = OrUndefined<{
  [Name in keyof Document & string as CamelCase<Name>]: Document[Name]
}>

type Sendable = JsonValue | readonly string[] | Date | undefined

const wireValue = (value: Exclude<Sendable, undefined>, name: string): JsonValue => {
  if (!(value instanceof Date)) return isList(value) ? [...value] : value
  if (Number.isNaN(value.getTime())) throw new InvalidArgumentError(`${name} is not a date.`)
  return value.toISOString()
}

const isList = (value: JsonValue | readonly string[]): value is readonly string[] => Array.isArray(value)

/**
 * A body of the wire: `endsAt` becomes `ends_at`, a date an instant; what is undefined is left out.
 * @throws InvalidArgumentError for a date that is none
 */
export const wireBody = (fields: Readonly<Record<string, Sendable>>): JsonObject => {
  const body: JsonObject = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    body[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = wireValue(value, name)
  }
  return body
}
