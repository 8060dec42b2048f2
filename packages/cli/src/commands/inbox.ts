import type { Image, ImageService, InboxInvitation, InboxItem, JsonObject } from '@vitrine/sdk'
import { createDenialNotes } from '../boot-notes.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { isUnknownPath } from '../extension.ts'
import { sharedWith } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { inboxRow, inboxView } from '../share-views.ts'
import { formatInstant } from '../units.ts'
import { wireDocument } from '../wire.ts'

const atOnce = 8
const pageSize = 200

/**
 * The share behind an image, if it waits. Asked for one by one: the list tells neither since when, nor, to an
 * administrator, whether the image is shared with this project at all.
 */
const waitingShare = async (
  image: Image,
  projectId: string,
  signal: AbortSignal,
): Promise<{ image: Image; sharedAt: Date } | undefined> => {
  const { NotFoundError } = await import('@vitrine/sdk')
  try {
    const member = await image.getMember(projectId, { signal })
    return member.status === 'pending' ? { image, sharedAt: member.createdAt } : undefined
  } catch (error) {
    // Also when it was taken back a moment ago.
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

/** What waits, by the Image API alone. */
export async function* waitingShares(
  service: ImageService,
  projectId: string,
  signal: AbortSignal,
): AsyncGenerator<{ image: Image; sharedAt: Date }, undefined> {
  const params = { visibility: 'shared', memberStatus: 'pending' } as const
  let batch: Image[] = []
  const settle = async () => {
    const shares = await Promise.all(batch.map((image) => waitingShare(image, projectId, signal)))
    return shares.filter((share) => share !== undefined)
  }
  for await (const image of service.listImages(params, { signal, pageSize })) {
    if (!sharedWith(projectId)(image)) continue
    batch.push(image)
    if (batch.length < atOnce) continue
    yield* await settle()
    batch = []
  }
  yield* await settle()
}

/** What waits: in one go where the cloud has an inbox, else share by share. */
async function* rows(
  service: ImageService,
  projectId: string,
  signal: AbortSignal,
  see: (item: InboxItem) => void,
): AsyncGenerator<JsonObject, undefined> {
  try {
    for await (const item of service.listInbox({}, { signal, pageSize })) {
      see(item)
      yield inboxRow(wireDocument(item))
    }
    return
  } catch (error) {
    if (!(await isUnknownPath(error))) throw error
  }
  for await (const { image, sharedAt } of waitingShares(service, projectId, signal)) {
    const membership = { status: 'pending', shared_by: image.owner, shared_at: formatInstant(sharedAt) }
    yield inboxRow({ kind: 'share', image: wireDocument(image), membership })
  }
}

/** Invitations by the name of this project; none on clouds that have no inbox. */
export const listInvitationsToUs = async (service: ImageService, signal: AbortSignal): Promise<InboxInvitation[]> => {
  const found: InboxInvitation[] = []
  try {
    for await (const item of service.listInbox({}, { signal, pageSize })) {
      // They come before all shares.
      if (item.kind !== 'invitation') break
      found.push(item.invitation)
    }
  } catch (error) {
    if (!(await isUnknownPath(error))) throw error
  }
  return found
}

export const showInbox = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const connection = await connect(invocation)
  const { id } = projectOf(connection)
  const denials = createDenialNotes()
  const waiting = rows(connection.service, id, invocation.signal, denials.see)
  const count = await writeList(invocation, inboxView, waiting, options)
  const locked = await denials.tell(invocation)
  const either = locked === 0 ? ' Either way it boots by its id.' : ''
  const next =
    count === 0
      ? `Nothing waits. Producers share with your project by its id: ${id}`
      : `Show one in your list: vitrine accept ID. Hide it: vitrine reject ID.${either}`
  await say(invocation, next)
}
