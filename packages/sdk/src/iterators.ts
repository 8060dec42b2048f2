import { readUrl } from './endpoint.ts'
import { UnexpectedResponseError } from './errors.ts'

/** Things of a cloud, fetched when they are first asked for. */
export class ResourceIterator<T> implements AsyncIterable<T> {
  readonly #load: () => Promise<readonly T[]>
  #loaded: Promise<readonly T[]> | undefined

  /** @param load fetches everything; called once, and again only after it failed */
  constructor(load: () => Promise<readonly T[]>) {
    this.#load = load
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    yield* await this.#all()
  }

  async toArray(): Promise<T[]> {
    return [...(await this.#all())]
  }

  /** The element at that place, counted from 0; undefined behind the end. */
  getElement(index: number): Promise<T | undefined> {
    return elementAt(this, index)
  }

  /** The first element that the function says yes to. */
  search(matches: (element: T) => boolean | Promise<boolean>): Promise<T | undefined> {
    return firstMatch(this, matches)
  }

  #all(): Promise<readonly T[]> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = undefined
      throw error
    })
    return this.#loaded
  }
}

/** One page as the service sent it. */
export interface Page<T> {
  elements: readonly T[]
  /** The query of the next page; undefined on the last one. */
  next: URLSearchParams | undefined
}

export interface PageOptions {
  /** Elements to ask for at a time (`limit`); the service may give fewer. Default: what the service thinks right. */
  pageSize?: number | undefined
  /** Stop after so many elements. Default: all there are. */
  maxItems?: number | undefined
}

/**
 * A list that comes in pages. Every walk (`for await`) starts at the first page and holds one page at a time, whatever
 * the length of the list; after `populateAll()` it walks over what was loaded.
 */
export class PaginatedIterator<T> implements AsyncIterable<T> {
  readonly #loadPage: (query: URLSearchParams | undefined) => Promise<Page<T>>
  readonly #maxItems: number
  #populated: readonly T[] | undefined

  /** @param loadPage fetches the page of that query, the first one for undefined */
  constructor(loadPage: (query: URLSearchParams | undefined) => Promise<Page<T>>, options: PageOptions = {}) {
    this.#loadPage = loadPage
    this.#maxItems = options.maxItems ?? Number.POSITIVE_INFINITY
  }

  /** Page by page. */
  async *pages(): AsyncGenerator<readonly T[], undefined> {
    let left = this.#maxItems
    let query: URLSearchParams | undefined
    const seen = new Set<string>()
    while (left > 0) {
      const page = await this.#loadPage(query)
      // A full last page has a `next` that leads to an empty one.
      if (page.elements.length === 0) return
      yield page.elements.length > left ? page.elements.slice(0, left) : page.elements
      left -= page.elements.length
      if (page.next === undefined) return
      query = page.next
      if (seen.has(query.toString()))
        throw new UnexpectedResponseError('The pages of the service go round in a circle.')
      seen.add(query.toString())
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    if (this.#populated !== undefined) yield* this.#populated
    else for await (const page of this.pages()) yield* page
  }

  /** Loads every page and keeps the elements. */
  async populateAll(): Promise<this> {
    this.#populated ??= await this.toArray()
    return this
  }

  async toArray(): Promise<T[]> {
    const elements: T[] = []
    for await (const element of this) elements.push(element)
    return elements
  }

  /** The element at that place, counted from 0; undefined behind the end. Walks there from the start. */
  getElement(index: number): Promise<T | undefined> {
    return elementAt(this, index)
  }

  /** The first element that the function says yes to; later pages are not fetched. */
  search(matches: (element: T) => boolean | Promise<boolean>): Promise<T | undefined> {
    return firstMatch(this, matches)
  }
}

const elementAt = async <T>(elements: AsyncIterable<T>, index: number): Promise<T | undefined> => {
  let place = 0
  for await (const element of elements) if (place++ === index) return element
  return undefined
}

const firstMatch = async <T>(
  elements: AsyncIterable<T>,
  matches: (element: T) => boolean | Promise<boolean>,
): Promise<T | undefined> => {
  for await (const element of elements) if (await matches(element)) return element
  return undefined
}

/**
 * The query of the next page. Of `next` only the query is followed, on the path of the list itself: the token never
 * leaves the endpoint, whatever the service (or a proxy that knows another host name) writes there.
 * @param collection last segment of the list's path, such as `images`
 */
export const nextQuery = (next: string | undefined, collection: string): URLSearchParams | undefined => {
  if (next === undefined || next === '') return undefined
  const url = readUrl(next, 'http://endpoint.invalid/')
  if (url === undefined || url.pathname.split('/').at(-1) !== collection) {
    throw new UnexpectedResponseError(`The service names a next page that is not one of ${collection}.`)
  }
  return url.searchParams
}
