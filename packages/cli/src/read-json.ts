import type { JsonObject, JsonValue } from '@vitrine/sdk'
import { usageError } from './command-error.ts'
import type { Invocation } from './context.ts'
import { readText } from './read-text.ts'

const parsed = (text: string, where: string): JsonValue => {
  try {
    return JSON.parse(text)
  } catch {
    throw usageError(`${where} is not JSON.`)
  }
}

/** A file of JSON, or the standard input for `-`. */
export const readJson = async (invocation: Invocation, path: string): Promise<JsonValue> =>
  parsed(await readText(invocation, path), path)

/** An object of JSON: as it stands on the command line, or in a file; `-` is the standard input. */
export const readJsonObject = async (invocation: Invocation, given: string): Promise<JsonObject> => {
  const isItself = given.trimStart().startsWith('{')
  const value = isItself ? parsed(given, given) : await readJson(invocation, given)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw usageError(`${given} holds no object of JSON.`, 'Write it as { "name": value }.')
}
