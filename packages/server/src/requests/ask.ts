import { randomUUID } from 'node:crypto'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { listingPath } from '../catalogue/documents.ts'
import { type FullListing, findAnnounced, isRequestable } from '../catalogue/queries.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { digestOf, newSecret } from '../http/secret.ts'
import { findImageForChange } from '../images/queries.ts'
import { checkStorable } from '../images/text.ts'
import { countedMailbox } from '../notices/counted-mailbox.ts'
import { queueMail } from '../notices/queue.ts'
import type { Service } from '../service.ts'
import { admitRequest } from './admit.ts'
import { checkRequestLimits } from './limits.ts'
import { networkOf } from './network.ts'
import { dropUnconfirmed, insertRequest, type RequestRow, wasMailedSince } from './queries.ts'

const secondMailAfterMs = 60 * 60 * 1000

/** Where a listing stands in the catalogue. */
export interface ListingAddress {
  readonly handle: string
  readonly slug: string
}

/** What somebody asks for. */
export interface Wish {
  readonly listing: ListingAddress
  /** As the requester wrote it; whether there is such a project is never looked up. */
  readonly project: string
  readonly email: string
  readonly message: string | undefined
  /** Address that the request came from. */
  readonly address: string
}

export interface Asked {
  readonly state: 'unconfirmed' | 'waiting'
  /** Path of the page that shows how the request stands. */
  readonly trackPath: string
}

export const trackPath = (secret: string): string => `/catalogue/requests/${secret}`
const confirmPath = (secret: string): string => `/catalogue/requests/confirm/${secret}`

/** @throws ApiError `resource_not_found` */
export const announcedListing = async (db: Reader, { handle, slug }: ListingAddress): Promise<FullListing> => {
  const listing = await findAnnounced(db, handle, slug)
  if (listing === undefined) throw apiError('resource_not_found', { kind: 'listing', id: `${handle}/${slug}` })
  return listing
}

/** Whether the mailbox is one that the project has told of its notices and confirmed. */
const isConfirmedAddress = async (db: Reader, projectId: string, email: string): Promise<boolean> => {
  const rows = await db
    .selectFrom('notice_addresses')
    .select('email')
    .where('project_id', '=', projectId)
    .where('state', '=', 'confirmed')
    .execute()
  return rows.some((row) => row.email.toLowerCase() === email)
}

const newRow = (wish: Wish, listing: FullListing, isProven: boolean, at: number) => {
  const secrets = { confirm: newSecret(), track: newSecret() }
  const row: RequestRow = {
    id: randomUUID(),
    listing_id: listing.id,
    listing_title: listing.title,
    listing_path: listingPath(listing),
    image_id: listing.image_id,
    owner_id: listing.project_id,
    project_id: wish.project,
    project_proven: isProven ? 1 : 0,
    email: wish.email.toLowerCase(),
    mailbox: countedMailbox(wish.email),
    message: wish.message === undefined || wish.message === '' ? null : wish.message,
    state: 'unconfirmed',
    confirm_digest: digestOf(secrets.confirm),
    track_digest: digestOf(secrets.track),
    network: networkOf(wish.address),
    created_at: at,
    mailed_at: null,
    same_as: null,
    confirmed_at: null,
    decided_at: null,
    decided_by: null,
    reason: null,
  }
  return { row, secrets }
}

/** Asks the mailbox whether the request is its own, unless it was asked lately. */
const askMailbox = async (tx: Tx, service: Service, row: RequestRow, confirm: string): Promise<void> => {
  const { email, created_at: at } = row
  const wasMailed = await wasMailedSince(tx, row, at - secondMailAfterMs)
  await insertRequest(tx, { ...row, mailed_at: wasMailed ? null : at })
  if (wasMailed) return
  const origin = service.origin()
  await queueMail(
    tx,
    {
      to: email,
      content: {
        template: 'request.confirm',
        listingTitle: row.listing_title,
        listingUrl: `${origin}${row.listing_path}`,
        projectId: row.project_id,
        confirmUrl: `${origin}${confirmPath(confirm)}`,
      },
      imageId: null,
      eventId: null,
      projectId: null,
    },
    at,
  )
}

const ask = (service: Service, cause: Cause, wish: Wish, actor: Actor | undefined): Promise<Asked> => {
  const { database, limits, sendsMail } = service
  checkStorable('project', wish.project)
  return database.write(async (tx) => {
    const listing = await announcedListing(tx, wish.listing)
    if (!isRequestable(listing)) throw apiError('not_requestable', {})
    const { row, secrets } = newRow(wish, listing, wish.project === actor?.projectId, cause.at)
    const ownProject = actor?.projectId
    const isKnown =
      ownProject !== undefined && ownProject !== null && (await isConfirmedAddress(tx, ownProject, row.email))
    if (!isKnown && !sendsMail) throw apiError('mail_missing', {})
    // The image before everything else, as everywhere.
    const image = isKnown ? await findImageForChange(tx, row.image_id, null, cause.at) : undefined
    if (isKnown && image === undefined) throw apiError('not_requestable', {})

    await dropUnconfirmed(tx, cause.at)
    await checkRequestLimits(
      tx,
      limits,
      { mailbox: row.mailbox, network: row.network, listingId: listing.id },
      cause.at,
    )
    const asked = { trackPath: trackPath(secrets.track) }
    if (image === undefined) {
      await askMailbox(tx, service, row, secrets.confirm)
      return { ...asked, state: 'unconfirmed' }
    }
    await insertRequest(tx, row)
    await admitRequest(tx, cause, row, image.row.owner ?? row.owner_id)
    return { ...asked, state: 'waiting' }
  })
}

/**
 * Asks for access on behalf of anyone. The answer depends on the listing and the limits alone: not on the project, nor on
 * its shares and rules, nor on the mailbox.
 * @throws ApiError `resource_not_found`, `not_requestable`, `mail_missing`, `too_many_requests`, `invalid_attribute`
 */
export const askAnonymously = (service: Service, cause: Cause, wish: Wish): Promise<Asked> =>
  ask(service, cause, wish, undefined)

/**
 * The same for somebody signed in: a request for the own project is marked so, and a mailbox that is among the confirmed
 * addresses of the own project is believed at once.
 */
export const askSignedIn = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  wish: Omit<Wish, 'project'> & { readonly project: string | undefined },
): Promise<Asked> => {
  const ownProject = projectOf(actor, 'member')
  return ask(service, cause, { ...wish, project: wish.project ?? ownProject }, actor)
}
