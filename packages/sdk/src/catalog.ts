import { EndpointNotFoundError } from './errors.ts'
import { arrayIn, isJsonObject, type JsonObject, type JsonValue, stringIn } from './json.ts'

export type EndpointInterface = 'public' | 'internal' | 'admin'

export interface CatalogEndpoint {
  interface: string
  region: string | undefined
  url: string
}

/** One service of a cloud; the same shape for both versions of the Identity API. */
export interface CatalogService {
  type: string
  name: string
  endpoints: CatalogEndpoint[]
}

export interface EndpointChoice {
  /** Name of the service in the catalogue, in any letter case. Default: the first of its type. */
  name?: string | undefined
  /** Default: the first endpoint. */
  region?: string | undefined
  /** Default `public`. */
  interface?: EndpointInterface | undefined
}

const v3Endpoint = (endpoint: JsonObject): CatalogEndpoint[] => {
  const url = stringIn(endpoint, 'url')
  const region = stringIn(endpoint, 'region') ?? stringIn(endpoint, 'region_id')
  return url === undefined ? [] : [{ interface: stringIn(endpoint, 'interface') ?? 'public', region, url }]
}

const v2Endpoint = (endpoint: JsonObject): CatalogEndpoint[] =>
  ['public', 'internal', 'admin'].flatMap((word) => {
    const url = stringIn(endpoint, `${word}URL`)
    return url === undefined ? [] : [{ interface: word, region: stringIn(endpoint, 'region'), url }]
  })

/** The catalogue of a token answer, or of exported credentials; what cannot be read of it is left out. */
export const parseCatalog = (catalog: JsonValue | undefined): CatalogService[] =>
  (Array.isArray(catalog) ? catalog : []).flatMap((service) => {
    if (!isJsonObject(service)) return []
    const endpoints = (arrayIn(service, 'endpoints') ?? []).flatMap((endpoint) => {
      if (!isJsonObject(endpoint)) return []
      return 'url' in endpoint ? v3Endpoint(endpoint) : v2Endpoint(endpoint)
    })
    return [{ type: stringIn(service, 'type') ?? '', name: stringIn(service, 'name') ?? '', endpoints }]
  })

const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

/**
 * The address of a service.
 * @throws EndpointNotFoundError that names what there is
 */
export const findEndpoint = (catalog: readonly CatalogService[], type: string, choice: EndpointChoice): string => {
  const { name, region, interface: wanted = 'public' } = choice
  const services = catalog.filter((service) => same(service.type, type))
  const found = services
    .filter((service) => name === undefined || same(service.name, name))
    .flatMap((service) => service.endpoints)
    // An endpoint without a region serves all of them.
    .find((entry) => entry.interface === wanted && (!region || !entry.region || entry.region === region))
  if (found !== undefined) return found.url
  const asked = [name && `name ${name}`, region && `region ${region}`, `interface ${wanted}`].filter(Boolean).join(', ')
  const there = services.flatMap((service) =>
    service.endpoints.map((entry) => `${service.name} (${entry.region ?? 'any region'}, ${entry.interface})`),
  )
  throw new EndpointNotFoundError(
    there.length === 0
      ? `The catalogue of this token has no ${type} service. Check that the token is for a project, or give the endpoint.`
      : `The catalogue has no ${type} endpoint with ${asked}. There are: ${[...new Set(there)].join('; ')}.`,
  )
}
