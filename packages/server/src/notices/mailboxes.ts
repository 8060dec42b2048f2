import type { Reader, Tx } from '../database/database.ts'
import type { MailboxesTable } from '../database/sharing-tables.ts'
import { newSecret } from '../http/secret.ts'

/** Mailboxes that mail was sent to without a project having subscribed them: requests, and questions for consent. */

const keptMs = 180 * 24 * 60 * 60 * 1000
const forgetMax = 1000

/** The mailbox of an address, known from now on. */
export const mailboxFor = async (tx: Tx, address: string, at: number): Promise<MailboxesTable> => {
  const email = address.toLowerCase()
  return tx
    .insertInto('mailboxes')
    .values({ email, unsubscribe_key: newSecret(), unwanted: 0, mailed_at: at })
    .onConflict((conflict) => conflict.column('email').doUpdateSet({ mailed_at: at }))
    .returningAll()
    .executeTakeFirstOrThrow()
}

export const findMailbox = (db: Reader, key: string): Promise<MailboxesTable | undefined> =>
  db.selectFrom('mailboxes').selectAll().where('unsubscribe_key', '=', key).executeTakeFirst()

/** Whether a mailbox wants no mail that nobody signed in asked for. */
export const isUnwanted = async (db: Reader, email: string): Promise<boolean> => {
  const row = await db
    .selectFrom('mailboxes')
    .select('unwanted')
    .where('email', '=', email.toLowerCase())
    .executeTakeFirst()
  return row?.unwanted === 1
}

/** Ends mail to a mailbox, or lets it through again. */
export const setUnwanted = async (tx: Tx, email: string, unwanted: MailboxesTable['unwanted']): Promise<void> => {
  await tx.updateTable('mailboxes').set({ unwanted }).where('email', '=', email).execute()
}

/** Forgets mailboxes that got nothing for half a year. One that wants no mail is remembered for ever. */
export const forgetMailboxes = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('mailboxes')
    .where('email', 'in', (rows) =>
      rows
        .selectFrom('mailboxes')
        .select('email')
        .where('unwanted', '=', 0)
        .where('mailed_at', '<', now - keptMs)
        .orderBy('mailed_at')
        .limit(forgetMax),
    )
    .execute()
}
