import { AccessRequestStatusSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectStatus } from '../../expect.ts'
import { pathOf, unique, walk } from '../../extensions.ts'
import { type Json, stringAt } from '../../json.ts'
import type { Mail, MailReceiver } from '../../receivers.ts'
import type { Scene } from '../../suite.ts'

export type Body = { [key: string]: Json }

export const mailbox = () => `${unique()}@example.org`

export const ask = (scene: Scene, listing: string, body: Json, headers: Record<string, string> = {}): Promise<Answer> =>
  scene.actors.nobody.post(`${listing}/requests`, body, { headers })

export const fill = (
  scene: Scene,
  listing: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) =>
  scene.actors.nobody.send('POST', `${listing}/requests`, {
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'text/html,application/xhtml+xml',
      ...headers,
    },
  })

export const statusOf = async (scene: Scene, track: string): Promise<Answer> =>
  expectDocument(
    expectStatus(await scene.actors.nobody.get(`${pathOf(scene, track)}.json`), 200),
    AccessRequestStatusSchema,
  )

export const queueOf = async (actor: Actor, image: string, state = ''): Promise<Json[]> =>
  walk(actor.api, `/v2/access-requests?image=${image}${state === '' ? '' : `&state=${state}`}`, 'requests')

/** The address in a mail that confirms a request. */
export const confirmation = (mail: Mail): string => {
  const found = /https?:\/\/\S*\/catalogue\/requests\/confirm\/[\w-]+/.exec(mail.content.text ?? '')?.[0]
  if (found === undefined) throw new Error(`the mail has no link to confirm: ${mail.content.text}`)
  return found
}

/** Asks, opens the link of the mail and presses its button. Gives the address to follow the request. */
export const asked = async (scene: Scene, mail: MailReceiver, listing: string, project: string, message = 'please') => {
  const to = mailbox()
  const receipt = expectStatus(await ask(scene, listing, { project, email: to, message }), 202)
  const link = confirmation(await mail.arrival(to, ({ content }) => /confirm/.test(content.text ?? '')))
  expectStatus(await scene.actors.nobody.send('POST', pathOf(scene, link)), 200, 303)
  return { to, track: stringAt(receipt.json, 'track'), link }
}
