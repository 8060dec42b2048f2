import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Answer } from './client.ts'
import { at, type Json, listAt } from './json.ts'

/** Fails unless the answer has one of the statuses, and says what it was instead. */
export const expectStatus = (answer: Answer, ...statuses: number[]): Answer => {
  if (!statuses.includes(answer.status)) {
    const body = answer.text === '' ? 'an empty body' : answer.text.slice(0, 300)
    assert.fail(`${answer.request}: expected ${statuses.join(' or ')}, got ${answer.status} with ${body}`)
  }
  return answer
}

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value)).slice(0, 300)

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The innermost place where the two differ. */
const difference = (actual: unknown, expected: unknown, where: string): string => {
  if (isContainer(actual) && isContainer(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    const there = new Map<string, unknown>(Object.entries(actual))
    const wanted = new Map<string, unknown>(Object.entries(expected))
    for (const key of new Set([...wanted.keys(), ...there.keys()]))
      if (!isDeepStrictEqual(there.get(key), wanted.get(key)))
        return difference(there.get(key), wanted.get(key), `${where}.${key}`)
  }
  return `${where}: expected ${show(expected)}, got ${show(actual)}`
}

/** Fails unless both are deeply equal, and says where they differ. */
export const expectEqual = (actual: unknown, expected: unknown, what: string): void => {
  if (!isDeepStrictEqual(actual, expected)) assert.fail(difference(actual, expected, what))
}

/** Fails unless the value in the body is as expected. */
export const expectField = (answer: Answer, path: (string | number)[], expected: Json | undefined): void =>
  expectEqual(at(answer.json, ...path), expected, `${answer.request}, ${path.join('.')}`)

export const expectMatch = (actual: string | undefined, pattern: RegExp, what: string): void =>
  assert.ok(
    actual !== undefined && pattern.test(actual),
    `${what}: expected ${pattern}, got ${actual === undefined ? 'nothing' : JSON.stringify(actual)}`,
  )

/** The value of one header as one string; undefined when it is absent. */
export const header = (answer: Answer, name: string): string | undefined => {
  const value = answer.headers[name.toLowerCase()]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Fails unless the members listed are exactly these, in any order. */
export const expectMembers = (answer: Answer, expected: string[]): void => {
  expectStatus(answer, 200)
  expectEqual(
    listAt(answer.json, 'members')
      .map((row) => at(row, 'member_id'))
      .sort(),
    [...expected].sort(),
    `${answer.request}, the member ids`,
  )
}

/** The ids of the images of one page, in their order. */
export const imageIds = (answer: Answer): string[] => {
  expectStatus(answer, 200)
  return listAt(answer.json, 'images').map((image) => String(at(image, 'id')))
}

export const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const timeForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
