import { wireName } from './attributes.ts'
import { UnexpectedResponseError } from './errors.ts'
import { type CallOptions, type ImageApi, type Query, searchParams } from './image-api.ts'
import { nextQuery, type PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import { arrayIn, type JsonObject, type JsonValue, stringIn } from './json.ts'

const elementsOf = (answer: JsonObject, key: string): JsonValue[] => {
  const elements = arrayIn(answer, key)
  if (elements === undefined) throw new UnexpectedResponseError(`The service sent no list of ${key}.`)
  return elements
}

/** A collection that comes whole. @param key name of the list in the answer */
export const collection = <T>(
  api: ImageApi,
  path: readonly string[],
  key: string,
  options: CallOptions,
  parse: (element: JsonValue) => T,
): ResourceIterator<T> =>
  new ResourceIterator(async () => elementsOf(await api.callForObject('GET', path, options), key).map(parse))

/** A collection that comes in pages. @param key name of the list in the answer */
export const paginated = <T>(
  api: ImageApi,
  path: readonly string[],
  key: string,
  query: Query,
  options: PageOptions & CallOptions,
  parse: (element: JsonValue) => T,
): PaginatedIterator<T> => {
  const wired = Object.fromEntries(Object.entries(query).map(([name, value]) => [wireName(name), value]))
  const first = options.pageSize === undefined ? wired : { ...wired, limit: options.pageSize }
  return new PaginatedIterator(async (next) => {
    const answer = await api.callForObject('GET', path, { signal: options.signal, query: next ?? searchParams(first) })
    const elements = elementsOf(answer, key).map(parse)
    return { elements, next: nextQuery(stringIn(answer, 'next'), path.at(-1) ?? key) }
  }, options)
}
