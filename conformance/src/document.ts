import assert from 'node:assert/strict'
import type { Answer } from './client.ts'
import { at, type Json, parseJson } from './json.ts'

const isRecord = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const typeOf = (value: Json): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const objectFault = (value: { [key: string]: Json }, schema: Json, where: string): string | undefined => {
  const properties = at(schema, 'properties')
  const required = at(schema, 'required')
  const open = at(schema, 'additionalProperties') !== undefined || at(schema, 'patternProperties') !== undefined
  for (const name of Array.isArray(required) ? required : [])
    if (!Object.hasOwn(value, String(name))) return `${where} lacks ${String(name)}`
  for (const [name, inner] of Object.entries(value)) {
    const known = at(properties, name)
    if (known !== undefined) {
      const found = faultIn(inner, known, `${where}.${name}`)
      if (found !== undefined) return found
    } else if (isRecord(properties) && !open && at(schema, 'additionalProperties') !== true)
      return `${where} has the unknown key ${name}`
  }
  return undefined
}

/** The first place where a value is not as its JSON schema says; keys that the schema does not name are faults. */
const faultIn = (value: Json, schema: Json, where: string): string | undefined => {
  const choices = at(schema, 'anyOf')
  if (Array.isArray(choices)) {
    const faults = choices.map((choice) => faultIn(value, choice, where))
    return faults.includes(undefined) ? undefined : faults[0]
  }
  const shown = JSON.stringify(value).slice(0, 120)
  const constant = at(schema, 'const')
  if (constant !== undefined && constant !== value) return `${where} is ${shown}, not ${JSON.stringify(constant)}`
  const words = at(schema, 'enum')
  if (Array.isArray(words) && !words.includes(value)) return `${where} is ${shown}, not one of ${words.join(', ')}`
  const type = at(schema, 'type')
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type]
  const actual = typeOf(value)
  if (types.length > 0 && !types.includes(actual) && !(actual === 'integer' && types.includes('number')))
    return `${where} is ${shown}, not ${types.join(' or ')}`
  const pattern = at(schema, 'pattern')
  if (typeof value === 'string' && typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value))
    return `${where} is ${shown}, which does not fit ${pattern}`
  const items = at(schema, 'items')
  if (Array.isArray(value) && items !== undefined)
    for (const [index, item] of value.entries()) {
      const found = faultIn(item, items, `${where}.${index}`)
      if (found !== undefined) return found
    }
  return isRecord(value) ? objectFault(value, schema, where) : undefined
}

/** Fails unless the body is a document of this schema: every key that is due, none besides, each of its type. */
export const expectDocument = (answer: Answer, schema: object): Answer => {
  const plain = parseJson(JSON.stringify(schema))
  assert.ok(plain !== undefined && answer.json !== undefined, `${answer.request}: the body is no JSON`)
  const fault = faultIn(answer.json, plain, 'the body')
  assert.equal(fault, undefined, `${answer.request}: ${fault}`)
  return answer
}
