import type { ImageService, Listing } from '@vitrine/sdk'
import { ownListingView } from '../catalogue-views.ts'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { findOne, type Kind } from '../find-one.ts'
import { applyIcon, iconOf, type ListingOptions, listingChanges, tellWarnings } from '../listing-options.ts'
import { catalogueOrigin } from '../open-catalogue.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { printable } from '../text.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'The catalogue is'

const listingKind: Kind<Listing> = {
  name: 'listing of your project',
  list: 'vitrine listings',
  id: ({ id }) => id,
  names: ({ slug, producer }) => [slug, `${producer.handle}/${slug}`],
  describe: ({ slug, title }) => `${slug}  ${title}`,
}

const findListing = (service: ImageService, reference: string, signal: AbortSignal): Promise<Listing> =>
  findOne(listNeedsVitrine(what, service.listListings({}, { signal })), reference, listingKind)

export interface PublishOptions extends ListingOptions {
  title: string
  slug?: string
}

/** Announces an image in the public catalogue. */
export const publishImage = async (
  invocation: Invocation,
  reference: string,
  options: PublishOptions,
): Promise<void> => {
  const { signal } = invocation
  const changes = await listingChanges(invocation, options)
  const icon = await iconOf(invocation, options.icon)
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const attributes = { ...changes, title: options.title, slug: options.slug }
  const listing = await needsVitrine(invocation, connection.service, what, image.publish(attributes, { signal }))
  await applyIcon(listing, icon, signal)
  await writeRecord(invocation, ownListingView, wireDocument(listing), options)
  await tellWarnings(invocation, listing)
  const origin = await catalogueOrigin(connection)
  await say(invocation, `Everybody can read it: ${new URL(listing.path, origin)}`)
}

/** The project's own listings. */
export const listListings = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const listings = listNeedsVitrine(what, service.listListings({}, { signal: invocation.signal }))
  const count = await writeList(invocation, ownListingView, wireDocuments(listings), options)
  if (count === 0)
    await say(invocation, 'Nothing is published. To announce an image: vitrine publish IMAGE --title TITLE')
}

export const showListing = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const { id } = await findListing(service, reference, signal)
  // Lists leave the long texts out.
  await writeRecord(invocation, ownListingView, wireDocument(await service.getListing(id, { signal })), options)
}

/** Changes what is given of a listing; an empty text takes a value away. */
export const setListing = async (invocation: Invocation, reference: string, options: ListingOptions): Promise<void> => {
  const { signal } = invocation
  const changes = await listingChanges(invocation, options)
  const icon = await iconOf(invocation, options.icon)
  if (Object.keys(changes).length === 0 && icon === undefined) {
    throw usageError('Nothing to change was named.', 'See: vitrine listing set --help')
  }
  const { service } = await connect(invocation)
  const listing = await findListing(service, reference, signal)
  if (Object.keys(changes).length > 0) await listing.update(changes, { signal })
  await applyIcon(listing, icon, signal)
  await writeRecord(invocation, ownListingView, wireDocument(listing), options)
  await tellWarnings(invocation, listing)
}

/** Takes a listing out of the catalogue. */
export const withdrawListing = async (
  invocation: Invocation,
  reference: string,
  options: { yes?: boolean },
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const listing = await findListing(service, reference, signal)
  const title = printable(listing.title)
  await confirm(invocation, `Take "${title}" out of the catalogue? Shares that came of it stay.`, options.yes)
  await listing.withdraw({ signal })
  await say(invocation, `"${title}" is no longer in the catalogue.`)
}
