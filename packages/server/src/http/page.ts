import type { Limits } from '../config.ts'
import { pageLink, parseLimit, parseQuery, pathOf, type QueryParameters } from './query.ts'

/** What a list that comes in pages is asked. */
export interface PageRequest {
  readonly parameters: QueryParameters
  /** The last value of each parameter. */
  readonly query: ReadonlyMap<string, string>
  readonly limit: number
  /** Id of the last item of the page before. */
  readonly marker: string | undefined
  /** Where the other pages are, as the answer tells it: there is a next one if there is an item to go on from. */
  links(last: string | undefined): { first: string; next?: string }
  /** The same for a page of these items: a full one may have a next. */
  linksAfter(items: readonly { readonly id: string }[]): { first: string; next?: string }
}

/**
 * @param url as it stands in the request line
 * @throws ApiError `malformed_path`, `invalid_parameter`
 */
export const parsePage = (url: string, limits: Limits): PageRequest => {
  const parameters = parseQuery(url)
  const query = new Map(parameters)
  const limit = parseLimit(query.get('limit'), limits)
  const path = pathOf(url)
  const links: PageRequest['links'] = (last) => ({
    first: pageLink(path, parameters),
    ...(last === undefined ? {} : { next: pageLink(path, parameters, last) }),
  })
  return {
    parameters,
    query,
    limit,
    marker: query.get('marker'),
    links,
    linksAfter: (items) => links(items.length === limit ? items.at(-1)?.id : undefined),
  }
}
