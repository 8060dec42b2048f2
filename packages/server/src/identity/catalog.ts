import { hash } from 'node:crypto'
import { region } from './domain.ts'

export interface CatalogUrls {
  /** Without a version: clients add it themselves. */
  readonly imageUrl: string
  readonly identityUrl: string
}

const interfaces = ['public', 'internal', 'admin'] as const

/** The same in every process and at every start, because nothing stores it. */
const stableId = (text: string): string => hash('sha256', `catalog ${text}`).slice(0, 32)

const services = ({ imageUrl, identityUrl }: CatalogUrls) => [
  { id: stableId('image'), type: 'image', name: 'glance', url: imageUrl },
  { id: stableId('identity'), type: 'identity', name: 'keystone', url: `${identityUrl}/v3` },
]

/** The catalog of a v3 token. */
export const catalogOf = (urls: CatalogUrls) =>
  services(urls).map(({ id, type, name, url }) => ({
    id,
    type,
    name,
    endpoints: interfaces.map((one) => ({
      id: stableId(`${type} ${one}`),
      interface: one,
      region,
      region_id: region,
      url,
    })),
  }))

/** Services as the administration lists them. */
export const serviceList = (urls: CatalogUrls) =>
  services(urls).map(({ id, type, name }) => ({
    id,
    type,
    name,
    description: '',
    enabled: true,
  }))

/** Endpoints as the administration lists them. */
export const endpointList = (urls: CatalogUrls) =>
  catalogOf(urls).flatMap((service) =>
    service.endpoints.map((endpoint) => ({
      ...endpoint,
      service_id: service.id,
      enabled: true,
    })),
  )

/**
 * The catalog of a v2.0 token. The image service is there twice: clients that take the first entry of the type add the
 * version themselves, and php-opencloud looks for `cloudImages` and does not.
 */
export const legacyCatalogOf = ({ imageUrl, identityUrl }: CatalogUrls, tenantId: string) => {
  const entry = (type: string, name: string, url: string) => ({
    type,
    name,
    endpoints: [{ region, tenantId, publicURL: url, internalURL: url, adminURL: url }],
    endpoints_links: [],
  })
  return [
    entry('image', 'glance', imageUrl),
    entry('image', 'cloudImages', `${imageUrl}/v2`),
    entry('identity', 'keystone', `${identityUrl}/v2.0`),
  ]
}
