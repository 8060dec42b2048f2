import type { Image, MemberStatus } from '@vitrine/sdk'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { findImage, sharedWith } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { printable } from '../text.ts'
import { memberView } from '../views.ts'

const said: Readonly<Record<MemberStatus, (name: string) => string>> = {
  accepted: (name) => `${name} is shown in your list now.`,
  rejected: (name) => `${name} is hidden from your list. It can still be booted and downloaded by its id.`,
  pending: (name) => `${name} waits in your inbox, outside your list. It can be booted by its id meanwhile.`,
}

const nameOf = (image: Image): string => `${printable(image.name ?? '(no name)')} (${image.id})`

/** Answers shares: accepted, rejected, or pending for "later". */
export const answerShares = async (
  invocation: Invocation,
  status: MemberStatus,
  references: readonly string[],
  options: OutputOptions,
): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const { id } = projectOf(connection)
  const { done, failed } = await eachOf(invocation, references, async (reference) => {
    const image = await findImage(connection.service, reference, { signal, prefer: sharedWith(id) })
    const member = await image.updateMember(id, status, { signal })
    await say(invocation, said[status](nameOf(image)))
    return { member }
  })
  if (options.format !== 'table' || options.column !== undefined) await writeList(invocation, memberView, done, options)
  if (failed !== undefined) throw failed
}
