import type { Image, JsonObject, Link } from '@vitrine/sdk'
import { documentView, field, instant } from '../columns.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import { findOne, type Kind } from '../find-one.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { formatInstant } from '../units.ts'
import { resolveWhen, type When } from '../when.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const linksAre = 'Links to bytes are'

const newLinkView: View<JsonObject> = documentView(
  [field('url', 'URL'), instant('expires_at', 'Ends')],
  [field('id', 'ID'), field('image_id', 'Image'), instant('created_at', 'Created')],
)

const linkView: View<JsonObject> = documentView(
  [field('id', 'ID'), field('user_id', 'User'), instant('created_at', 'Created'), instant('expires_at', 'Ends')],
  [field('image_id', 'Image')],
)

export interface LinkOptions extends OutputOptions {
  expires?: When
}

export const makeLink = async (
  invocation: Invocation,
  reference: string,
  { expires, ...options }: LinkOptions,
): Promise<void> => {
  const { signal } = invocation
  const nowMs = Date.now()
  const end = resolveWhen(expires, nowMs, '--expires')
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const expiresInSeconds = end === undefined ? undefined : Math.ceil((end.getTime() - nowMs) / 1000)
  const link = await needsVitrine(invocation, service, linksAre, image.createLink({ expiresInSeconds }, { signal }))
  await writeRecord(invocation, newLinkView, wireDocument(link), options)
  await say(invocation, `Whoever has the address reads the image. End it: vitrine unlink ${image.id} ${link.id}`)
}

export const listLinks = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const links = listNeedsVitrine(linksAre, image.listLinks({ signal }))
  const count = await writeList(invocation, linkView, wireDocuments(links), options)
  if (count === 0) await say(invocation, `There are no links. To make one: vitrine link ${image.id}`)
}

const linkKind = (image: Image): Kind<Link> => ({
  name: 'link',
  list: `vitrine links ${image.id}`,
  id: ({ id }) => id,
  describe: ({ expiresAt }) => `ends ${formatInstant(expiresAt)}`,
})

/** Ends links by their ids, or the beginnings of them; without any, all of the project. */
export const endLinks = async (
  invocation: Invocation,
  reference: string,
  references: readonly string[],
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const links = () => listNeedsVitrine(linksAre, image.listLinks({ signal }))
  const all = async (): Promise<Link[]> => {
    const found: Link[] = []
    for await (const link of links()) found.push(link)
    return found
  }
  const end = async (link: Link) => {
    await link.delete({ signal })
    return link
  }
  const { done, failed } =
    references.length === 0
      ? await eachOf(invocation, await all(), end)
      : await eachOf(invocation, references, async (given) => end(await findOne(links(), given, linkKind(image))))
  if (done.length > 0)
    await say(invocation, done.length === 1 ? 'The link is ended.' : `${done.length} links are ended.`)
  else if (failed === undefined) await say(invocation, 'There are no links to end.')
  if (failed !== undefined) throw failed
}
