import { wireName } from './attributes.ts'
import { UnexpectedResponseError } from './errors.ts'
import { type CallOptions, type ImageApi, type Query, searchParams } from './image-api.ts'
import { nextQuery, type PageOptions, PaginatedIterator } from './iterators.ts'
import { arrayIn, type JsonValue, stringIn } from './json.ts'

/** A paged collection of the Image API. @param key both the name of the list in the answer and the path's last segment */
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
    const elements = arrayIn(answer, key)
    if (elements === undefined) throw new UnexpectedResponseError(`The service sent no list of ${key}.`)
    return { elements: elements.map(parse), next: nextQuery(stringIn(answer, 'next'), key) }
  }, options)
}
