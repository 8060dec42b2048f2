import { randomUUID } from 'node:crypto'
import { defaultNoticeKinds, type NoticeAddressDocument, type NoticeKind } from '@vitrine/contract'
import { type Selectable, sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { NoticeAddressesTable } from '../database/sharing-tables.ts'
import { wireDate } from '../http/json.ts'
import { digestOf, newSecret } from '../http/secret.ts'
import type { Service } from '../service.ts'
import { countedMailbox } from './counted-mailbox.ts'
import { countUp, tooMany } from './counts.ts'
import { confirmPath } from './links.ts'
import { findMailbox, isUnwanted, setUnwanted } from './mailboxes.ts'
import { rememberNames } from './project-names.ts'
import { queueMail } from './queue.ts'

/** Where a project wants its notices by mail: only mailboxes that said yes themselves. */

type AddressRow = Selectable<NoticeAddressesTable>

const resendMs = 60 * 60 * 1000
/** How long the link of a confirmation counts. */
const confirmMs = 7 * 24 * resendMs
/** Such mails a day to one mailbox, whichever projects ask for them; to one that wants no such mail, and from one project. */
const confirmMailsPerDay = 5
const unwantedMailsPerDay = 1
const confirmMailsOfProjectPerDay = 60

export const addressDocument = (row: AddressRow): NoticeAddressDocument => ({
  id: row.id,
  email: row.email,
  state: row.state,
  kinds: JSON.parse(row.kinds),
  mode: row.mode,
  created_at: wireDate(row.created_at),
})

const wantsListings = (kinds: readonly NoticeKind[]): 0 | 1 => (kinds.includes('listing.published') ? 1 : 0)

const notFound = (id: string) => apiError('resource_not_found', { kind: 'notice address', id })

const ownAddress = async (db: Reader, projectId: string, id: string): Promise<AddressRow> => {
  const row = await db
    .selectFrom('notice_addresses')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  if (row === undefined) throw notFound(id)
  return row
}

export const listAddresses = ({ database }: Service, actor: Actor): Promise<AddressRow[]> =>
  database.read
    .selectFrom('notice_addresses')
    .selectAll()
    .where('project_id', '=', projectOf(actor, 'reader'))
    .orderBy('email')
    .execute()

const checkQuota = async (tx: Tx, projectId: string, limit: number): Promise<void> => {
  if (limit < 0) return
  const rows = await tx
    .selectFrom('notice_addresses')
    .select('id')
    .where('project_id', '=', projectId)
    .limit(limit + 1)
    .execute()
  if (rows.length >= limit) throw apiError('resource_quota', { limit, kind: 'notice addresses' })
}

/** What a mailbox is asked for. */
interface Wish {
  readonly email: string
  readonly kinds?: readonly NoticeKind[]
  readonly mode?: 'instant' | 'daily'
}

/**
 * Adds a mailbox and asks it for its consent. One that has not answered, or has unsubscribed, is asked again, at most once an
 * hour.
 * @throws ApiError `mail_missing`, `scope_required`, `role_required`, `resource_quota`, `conflict` when it is confirmed,
 *   `too_many_requests`
 */
export const addAddress = async (
  { database, limits, now, origin, sendsMail }: Service,
  actor: Actor,
  wish: Wish,
): Promise<{ row: AddressRow; isNew: boolean }> => {
  const projectId = projectOf(actor, 'member')
  if (!sendsMail) throw apiError('mail_missing', {})
  const email = wish.email.toLowerCase()
  const kinds = wish.kinds ?? defaultNoticeKinds
  const at = now()
  const secret = newSecret()
  const asked = {
    kinds: JSON.stringify(kinds),
    wants_listings: wantsListings(kinds),
    mode: wish.mode ?? 'instant',
    state: 'unconfirmed',
    confirm_digest: digestOf(secret),
    confirm_sent_at: at,
  } as const
  return database.write(async (tx) => {
    await lockName(tx, `notice addresses ${projectId}`)
    const known = await tx
      .selectFrom('notice_addresses')
      .selectAll()
      .where('project_id', '=', projectId)
      .where('email', '=', email)
      .executeTakeFirst()
    if (known?.state === 'confirmed') throw apiError('conflict', { why: 'This address is confirmed already' })
    const waitMs = known === undefined ? 0 : known.confirm_sent_at + resendMs - at
    const what = 'mails that ask this address for confirmation'
    if (waitMs > 0) throw tooMany(what, Math.ceil(waitMs / 1000))
    if (known === undefined) await checkQuota(tx, projectId, limits.notice_addresses_per_project)
    const most = (await isUnwanted(tx, email)) ? unwantedMailsPerDay : confirmMailsPerDay
    if ((await countUp(tx, `confirm ${countedMailbox(email)}`, 'day', at)) > most) throw tooMany(what, 24 * 60 * 60)
    if ((await countUp(tx, `confirm by ${projectId}`, 'day', at)) > confirmMailsOfProjectPerDay) {
      throw tooMany('mails of your project that ask for confirmation', 24 * 60 * 60)
    }

    const row: AddressRow =
      known === undefined
        ? { id: randomUUID(), project_id: projectId, email, unsubscribe_key: newSecret(), created_at: at, ...asked }
        : { ...known, ...asked }
    if (known === undefined) await tx.insertInto('notice_addresses').values(row).execute()
    else await tx.updateTable('notice_addresses').set(asked).where('id', '=', known.id).execute()
    await rememberNames(tx, actor, projectId)
    await queueMail(
      tx,
      {
        to: email,
        content: {
          template: 'address.confirm',
          projectId,
          projectName: actor.projectNames[0] ?? projectId,
          confirmUrl: `${origin()}${confirmPath(secret)}`,
        },
        imageId: null,
        eventId: null,
        projectId: null,
      },
      at,
    )
    return { row, isNew: known === undefined }
  })
}

/** @throws ApiError `resource_not_found` */
export const changeAddress = (
  { database }: Service,
  actor: Actor,
  id: string,
  change: Omit<Wish, 'email'>,
): Promise<AddressRow> => {
  const projectId = projectOf(actor, 'member')
  return database.write(async (tx) => {
    const row = await ownAddress(tx, projectId, id)
    const kinds: readonly NoticeKind[] = change.kinds ?? JSON.parse(row.kinds)
    const changed = {
      kinds: JSON.stringify(kinds),
      wants_listings: wantsListings(kinds),
      mode: change.mode ?? row.mode,
    }
    await tx.updateTable('notice_addresses').set(changed).where('id', '=', id).execute()
    await rememberNames(tx, actor, projectId)
    return { ...row, ...changed }
  })
}

const forgetDeliveries = async (tx: Tx, addressId: string): Promise<void> => {
  await tx
    .deleteFrom('deliveries')
    .where('target_id', '=', addressId)
    .where('state', 'in', ['waiting', 'digest'])
    .execute()
}

/** Removes an address, with all that waits for it. @throws ApiError `resource_not_found` */
export const removeAddress = ({ database }: Service, actor: Actor, id: string): Promise<void> => {
  const projectId = projectOf(actor, 'member')
  return database.write(async (tx) => {
    await ownAddress(tx, projectId, id)
    await forgetDeliveries(tx, id)
    await tx.deleteFrom('notice_addresses').where('id', '=', id).execute()
  })
}

/**
 * The address that a confirmation link is for.
 * @throws ApiError `link_not_found`, also for a link that is too old
 */
export const addressToConfirm = async (db: Reader, secret: string, now: number): Promise<AddressRow> => {
  const row = await db
    .selectFrom('notice_addresses')
    .selectAll()
    .where('confirm_digest', '=', digestOf(secret))
    .executeTakeFirst()
  if (row === undefined || row.state === 'unsubscribed') throw apiError('link_not_found', {})
  if (row.state === 'unconfirmed' && row.confirm_sent_at + confirmMs <= now) throw apiError('link_not_found', {})
  return row
}

/** Confirms it; a second time changes nothing. */
export const confirmAddress = ({ database, now }: Service, secret: string): Promise<AddressRow> =>
  database.write(async (tx) => {
    const row = await addressToConfirm(tx, secret, now())
    await tx.updateTable('notice_addresses').set({ state: 'confirmed' }).where('id', '=', row.id).execute()
    // Whoever consents wants mail again.
    await setUnwanted(tx, row.email, 0)
    return { ...row, state: 'confirmed' }
  })

/** What a link at the foot of a mail ends. */
export type Subscription =
  | { readonly kind: 'address'; readonly row: AddressRow }
  /** Mails that nobody subscribed to. */
  | { readonly kind: 'mailbox'; readonly email: string; readonly ended: boolean }

/** @throws ApiError `link_not_found` */
export const subscriptionOf = async (db: Reader, key: string): Promise<Subscription> => {
  const row = await db.selectFrom('notice_addresses').selectAll().where('unsubscribe_key', '=', key).executeTakeFirst()
  if (row !== undefined) return { kind: 'address', row }
  const mailbox = await findMailbox(db, key)
  if (mailbox === undefined) throw apiError('link_not_found', {})
  return { kind: 'mailbox', email: mailbox.email, ended: mailbox.unwanted === 1 }
}

/** Ends the mails; a second time changes nothing. An old link of confirmation does not bring them back. */
export const unsubscribe = ({ database }: Service, key: string): Promise<Subscription> =>
  database.write(async (tx): Promise<Subscription> => {
    const found = await subscriptionOf(tx, key)
    if (found.kind === 'mailbox') {
      await setUnwanted(tx, found.email, 1)
      await tx
        .deleteFrom('deliveries')
        .where('target', '=', found.email)
        .where('target_id', 'is', null)
        .where('state', '=', sql.lit('waiting'))
        .execute()
      return { ...found, ended: true }
    }
    const { row } = found
    if (row.state === 'unsubscribed') return found
    const ended = { state: 'unsubscribed', confirm_digest: digestOf(newSecret()) } as const
    await tx.updateTable('notice_addresses').set(ended).where('id', '=', row.id).execute()
    await forgetDeliveries(tx, row.id)
    return { kind: 'address', row: { ...row, ...ended } }
  })

/** Lets mails reach a mailbox again that nobody subscribed to. Addresses of projects are confirmed anew instead. */
export const resubscribe = ({ database }: Service, key: string): Promise<Subscription> =>
  database.write(async (tx): Promise<Subscription> => {
    const found = await subscriptionOf(tx, key)
    if (found.kind === 'address') return found
    await setUnwanted(tx, found.email, 0)
    return { ...found, ended: false }
  })
