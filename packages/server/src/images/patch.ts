import { patchMediaTypes } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import { checkSettable } from './attributes.ts'

/** One change of a patch, its pointer already resolved to the attribute. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly key: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly key: string }

/** A patch: in version 2.0 of the format, `add` refuses to overwrite. */
export interface Patch {
  readonly operations: readonly Operation[]
  readonly addOverwrites: boolean
}

const words = ['add', 'replace', 'remove'] as const
type Word = (typeof words)[number]

const isWord = (value: unknown): value is Word => words.some((word) => word === value)

const refuse = (why: string) => apiError('invalid_patch', { why })

const decodeSegment = (segment: string): string => {
  if (/~(?![01])/.test(segment)) throw refuse('a ~ in a path must be followed by 0 or 1')
  return segment.replaceAll('~1', '/').replaceAll('~0', '~').trim()
}

/**
 * The segments of a JSON pointer as this API reads it.
 * @throws ApiError `invalid_patch`
 */
export const parsePointer = (pointer: unknown): string[] => {
  if (typeof pointer !== 'string') throw refuse('each operation needs a path')
  if (!pointer.startsWith('/')) throw refuse('a path must begin with /')
  const segments = pointer.slice(1).split('/')
  if (segments.includes('')) throw refuse('a path must not have empty segments')
  const decoded = segments.map(decodeSegment)
  if (decoded.includes('')) throw refuse('a path must not have empty segments')
  return decoded
}

/** Locations are the only attribute with parts that can be named. */
const keyOf = (op: Word, [key = '', ...rest]: string[]): string => {
  if (key !== 'locations') {
    if (rest.length > 0) throw refuse('a path names one attribute, without parts')
    return key
  }
  const index = rest.length === 1 && /^(\d+|-)$/.test(rest[0] ?? '')
  if (op === 'replace' ? rest.length > 0 : !index)
    throw refuse('locations are replaced whole, or added and removed by index')
  return key
}

/** The operation and the pointer of one element, in the form of its media type. */
const forms: Readonly<Record<string, (element: Record<string, unknown>) => { op: Word; pointer: unknown }>> = {
  [patchMediaTypes.v21]: ({ op, path }) => {
    if (!isWord(op)) throw refuse(`op must be one of ${words.join(', ')}`)
    return { op, pointer: path }
  },
  [patchMediaTypes.v20]: (element) => {
    const [op, other] = words.filter((word) => Object.hasOwn(element, word))
    if (op === undefined || other !== undefined) throw refuse(`each element needs one of ${words.join(', ')}`)
    return { op, pointer: element[op] }
  },
}

const parseElement = (element: unknown, form: (typeof forms)[string]): Operation => {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    throw refuse('each element must be an object')
  }
  const record: Record<string, unknown> = { ...element }
  const { op, pointer } = form(record)
  const key = keyOf(op, parsePointer(pointer))
  checkSettable(key)
  if (op === 'remove') return { op, key }
  if (!Object.hasOwn(record, 'value')) throw refuse(`${op} needs a value`)
  return { op, key, value: record.value }
}

/**
 * Which form a patch has.
 * @throws ApiError `patch_media_type`
 */
export const patchForm = (contentType: string | undefined): string => {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (Object.hasOwn(forms, type)) return type
  const accepted = Object.values(patchMediaTypes).join(', ')
  throw apiError('patch_media_type', { accepted }, { 'accept-patch': accepted })
}

/**
 * Parses a patch. All that is wrong with it in itself is found here, before any image is looked at.
 * @param form one of the two media types
 * @throws ApiError `invalid_patch`, `read_only`, `reserved`
 */
export const parsePatch = (form: string, body: unknown): Patch => {
  const parse = forms[form]
  if (parse === undefined) throw refuse('its media type is unknown')
  if (!Array.isArray(body)) throw refuse('it must be a JSON array of operations')
  return {
    operations: body.map((element: unknown) => parseElement(element, parse)),
    addOverwrites: form === patchMediaTypes.v21,
  }
}
