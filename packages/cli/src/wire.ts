import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { formatInstant } from './units.ts'

const wireName = (name: string): string => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A value of the SDK under the names of the wire: instants as there, what is not there as null. */
const wireValue = (value: unknown): JsonValue => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Date) return formatInstant(value)
  if (Array.isArray(value)) return value.map(wireValue)
  return isObject(value) ? wireDocument(value) : null
}

/** A thing of the SDK as the service's document. What writes itself (`toJSON`) is taken at its word. */
export const wireDocument = (thing: object): JsonObject => {
  if ('toJSON' in thing) return JSON.parse(JSON.stringify(thing))
  const told = Object.entries(thing).filter(([, value]) => value !== undefined)
  return Object.fromEntries(told.map(([name, value]) => [wireName(name), wireValue(value)]))
}

/** The same for a list that comes piece by piece. */
export async function* wireDocuments(things: AsyncIterable<object>): AsyncGenerator<JsonObject, undefined> {
  for await (const thing of things) yield wireDocument(thing)
}
