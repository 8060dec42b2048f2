import type { Image } from '@vitrine/sdk'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { sharedWith } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { inboxView, type Share } from '../views.ts'

const atOnce = 8

/**
 * The share behind an image, if it waits. Asked for one by one: the list tells neither since when, nor, to an
 * administrator, whether the image is shared with this project at all.
 */
const waitingShare = async (image: Image, projectId: string, signal: AbortSignal): Promise<Share | undefined> => {
  const { NotFoundError } = await import('@vitrine/sdk')
  try {
    const member = await image.getMember(projectId, { signal })
    return member.status === 'pending' ? { image, member } : undefined
  } catch (error) {
    // Also when it was taken back a moment ago.
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

async function* waitingShares(
  images: AsyncIterable<Image>,
  projectId: string,
  signal: AbortSignal,
): AsyncGenerator<Share, undefined> {
  let batch: Image[] = []
  const settle = async () => {
    const shares = await Promise.all(batch.map((image) => waitingShare(image, projectId, signal)))
    return shares.filter((share) => share !== undefined)
  }
  for await (const image of images) {
    if (!sharedWith(projectId)(image)) continue
    batch.push(image)
    if (batch.length < atOnce) continue
    yield* await settle()
    batch = []
  }
  yield* await settle()
}

export const showInbox = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const { id } = projectOf(connection)
  const params = { visibility: 'shared', memberStatus: 'pending' } as const
  const images = connection.service.listImages(params, { signal, pageSize: 200 })
  const count = await writeList(invocation, inboxView, waitingShares(images, id, signal), options)
  const next =
    count === 0
      ? `Nothing waits. Producers share with your project by its id: ${id}`
      : 'Show one in your list: vitrine accept ID. Hide it: vitrine reject ID. Either way it boots by its id.'
  await say(invocation, next)
}
