import type { Catalogue } from '@vitrine/sdk'
import { usageError } from './command-error.ts'
import { type Connection, connect, transportOptions } from './connect.ts'
import type { Invocation } from './context.ts'

/** The address that the catalogue of a cloud's image service lies at. */
export const catalogueOrigin = async ({ service }: Pick<Connection, 'service'>): Promise<string> =>
  new URL(await service.endpoint()).origin

/** The catalogue at an address, without any account; else the one of the cloud that the command talks to. */
export const openCatalogue = async (
  invocation: Invocation,
  url: string | undefined,
): Promise<{ catalogue: Catalogue; origin: string }> => {
  const { Catalogue } = await import('@vitrine/sdk')
  const options = transportOptions(invocation)
  if (url !== undefined) {
    if (!URL.canParse(url)) throw usageError(`${url} is not an address.`, 'Write it as https://HOST.')
    return { catalogue: new Catalogue(url, options), origin: new URL(url).origin }
  }
  const connection = await connect(invocation)
  const endpoint = await connection.service.endpoint()
  return { catalogue: new Catalogue(endpoint, options), origin: new URL(endpoint).origin }
}

/** A listing as it is named: `handle/slug`, or the address of its page. */
export interface ListingReference {
  handle: string
  slug: string
  /** The service, when the address of the page was given. */
  url: string | undefined
}

const pagePath = /^(.*)\/catalogue\/producers\/([^/]+)\/([^/]+?)(?:\.json)?$/
const short = /^@?([a-z0-9-]+)\/([a-z0-9-]+)$/

/** @throws CommandError (usage) when it names no listing */
export const parseListing = (reference: string): ListingReference => {
  const [, handle, slug] = short.exec(reference) ?? []
  if (handle !== undefined && slug !== undefined) return { handle, slug, url: undefined }
  const page = URL.canParse(reference) ? new URL(reference) : undefined
  const [, base, ofPage, slugOfPage] = pagePath.exec(page?.pathname ?? '') ?? []
  if (page !== undefined && ofPage !== undefined && slugOfPage !== undefined) {
    return { handle: ofPage, slug: slugOfPage, url: `${page.origin}${base}` }
  }
  throw usageError(
    `${reference} names no listing.`,
    'Write it as HANDLE/SLUG ("vitrine catalogue" shows them), or as its address.',
  )
}
