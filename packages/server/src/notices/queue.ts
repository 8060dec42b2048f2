import { randomUUID } from 'node:crypto'
import type { Tx } from '../database/database.ts'
import { mailboxFor } from './mailboxes.ts'

/** Facts of an image for a mail. */
export interface MailedImage {
  readonly id: string
  readonly name: string | null
  readonly sizeBytes: number | null
  readonly hashAlgorithm: string | null
  readonly hashValue: string | null
}

/** Whether the project that a mail is for can boot the image: found when the mail is sent, and never kept with it. */
export interface MailedBoot {
  readonly canBoot: boolean
  /** What stands against it, and what to do about that. */
  readonly denials: readonly { readonly text: string; readonly next: string | null }[]
  /** What else is to be known. */
  readonly remarks: readonly string[]
}

/**
 * A mail that is not a notice somebody subscribed to, but part of a conversation. Texts come from people: whoever renders
 * them lets neither markup nor line ends into headers. Links are whole addresses. Instants are milliseconds since 1970.
 */
export type MailContent =
  | {
      readonly template: 'request.confirm'
      readonly listingTitle: string
      readonly listingUrl: string
      readonly projectId: string
      readonly confirmUrl: string
    }
  | {
      readonly template: 'request.approved'
      readonly listingTitle: string
      readonly listingUrl: string
      readonly producer: string
      readonly image: MailedImage
      readonly projectId: string
      /** Whether a rule of the project accepted it at once. */
      readonly accepted: boolean
      readonly message: string | null
      readonly endsAt: number | null
      readonly boot?: MailedBoot
    }
  | {
      readonly template: 'request.denied'
      readonly listingTitle: string
      readonly producer: string
      readonly reason: string
    }
  | { readonly template: 'request.closed'; readonly listingTitle: string }
  | {
      readonly template: 'address.confirm'
      readonly projectId: string
      readonly projectName: string
      readonly confirmUrl: string
    }

export interface QueuedMail {
  /** Mailbox. */
  readonly to: string
  readonly content: MailContent
  readonly imageId: string | null
  /** The event that it tells of, so that the notices of the same event leave this mailbox out. */
  readonly eventId: string | null
  /** Project that may see what becomes of it, and send it again if it fails; null: none. */
  readonly projectId: string | null
}

/** What stands in `deliveries.payload` of such a mail. */
export interface DirectMailPayload {
  readonly content: MailContent
  readonly unsubscribeKey: string
}

/** How long a delivery is tried. */
const giveUpMs = 3 * 24 * 60 * 60 * 1000

/** The columns of a delivery that has just been put into the queue, or put there again. */
export const queued = (at: number) =>
  ({
    state: 'waiting',
    attempts: 0,
    next_at: at,
    claimed_until: null,
    last_error: null,
    give_up_at: at + giveUpMs,
    finished_at: null,
  }) as const

/**
 * Puts a mail into the queue, in the transaction that is its reason. The mailbox gets nothing if it does not want such mail.
 * Kick `Notices` once the transaction is durable.
 */
export const queueMail = async (tx: Tx, mail: QueuedMail, at: number): Promise<void> => {
  const mailbox = await mailboxFor(tx, mail.to, at)
  const payload: DirectMailPayload = { content: mail.content, unsubscribeKey: mailbox.unsubscribe_key }
  // Who asks for notices at a mailbox is signed in, and few such questions a day reach it.
  if (mailbox.unwanted === 1 && mail.content.template !== 'address.confirm') return
  await tx
    .insertInto('deliveries')
    .values({
      id: randomUUID(),
      kind: 'mail',
      notice: mail.content.template,
      project_id: mail.projectId,
      target_id: null,
      target: mail.to,
      event_id: mail.eventId,
      image_id: mail.imageId,
      payload: JSON.stringify(payload),
      created_at: at,
      ...queued(at),
    })
    .execute()
}
