import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { EventRow } from '../database/tables.ts'
import { projectEvents } from '../events/activity.ts'
import { html, type Markup } from '../http/markup.ts'
import { digestOf, newSecret } from '../http/secret.ts'
import type { Service } from '../service.ts'
import { factsOf, noticeContent } from './content.ts'
import { feedPath } from './links.ts'
import { meaningsOf, toldOf } from './meaning.ts'
import { letterOfNotice } from './templates/notice.ts'

/** Entries of a feed; events that are looked at for them. */
const entriesMax = 50
const eventsMax = 200

const setFeed = async ({ database }: Service, projectId: string, digest: string | null): Promise<void> => {
  await database.write(async (tx) => {
    await tx
      .insertInto('project_settings')
      .values({ project_id: projectId, usage: 'counted', feed_digest: digest })
      .onConflict((conflict) => conflict.column('project_id').doUpdateSet({ feed_digest: digest }))
      .execute()
  })
}

/** Makes the address of the project's feed; the former one ends. */
export const makeFeed = async (service: Service, actor: Actor): Promise<string> => {
  const secret = newSecret()
  await setFeed(service, projectOf(actor, 'member'), digestOf(secret))
  return `${service.origin()}${feedPath(secret)}`
}

/** Ends the project's feed, if it has one. */
export const endFeed = (service: Service, actor: Actor): Promise<void> =>
  setFeed(service, projectOf(actor, 'member'), null)

const entry = (row: EventRow, title: string, origin: string): Markup => {
  const date = new Date(row.created_at).toISOString()
  return html`<entry>
<id>urn:uuid:${row.id}</id>
<title>${title}</title>
<published>${date}</published>
<updated>${date}</updated>
<content type="text">${title}${row.image_id === '' ? '' : `\nImage ${row.image_id}`}</content>
<link rel="alternate" type="text/html" href="${origin}/catalogue"/>
</entry>
`
}

/**
 * The feed behind a secret address: what the project would be mailed of.
 * @throws ApiError `link_not_found`
 */
export const renderFeed = async ({ database, origin }: Service, secret: string): Promise<string> => {
  const settings = await database.read
    .selectFrom('project_settings')
    .select('project_id')
    .where('feed_digest', '=', digestOf(secret))
    .executeTakeFirst()
  if (settings === undefined) throw apiError('link_not_found', {})
  const entries = await feedEntries(database.read, settings.project_id, origin())
  const updated = entries[0]?.row.created_at ?? 0
  const address = `${origin()}${feedPath(secret)}`
  return html`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>${address}</id>
<title>Shared images: what happened to project ${settings.project_id}</title>
<updated>${new Date(updated).toISOString()}</updated>
<link rel="self" type="application/atom+xml" href="${address}"/>
<author><name>Vitrine</name></author>
<generator>Vitrine</generator>
${entries.map(({ row, title }) => entry(row, title, origin()))}</feed>
`.toString()
}

const feedEntries = async (
  db: Reader,
  projectId: string,
  origin: string,
): Promise<{ row: EventRow; title: string }[]> => {
  const rows = await projectEvents(db, projectId, { limit: eventsMax, before: undefined })
  const meant = rows.flatMap((row) => {
    const event = toldOf(row)
    const own = meaningsOf(event).filter(({ audience }) => 'projectId' in audience && audience.projectId === projectId)
    return own.map((meaning) => ({ row, event, meaning }))
  })
  const shown = meant.slice(0, entriesMax)
  if (shown.length === 0) return []
  const facts = await factsOf(
    db,
    shown.map(({ event }) => event),
  )
  return shown.map(({ row, event, meaning }) => ({
    row,
    title: letterOfNotice(noticeContent(event, meaning, projectId, facts), { origin }).subject,
  }))
}
