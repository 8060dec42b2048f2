import type { ImageService, InboxInvitation, JsonObject, MemberStatus } from '@vitrine/sdk'
import { createDenialNotes, noteOwnDenial } from '../boot-notes.ts'
import { CommandError, usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { ExitCode } from '../exit-codes.ts'
import { orElse } from '../extension.ts'
import { findImage, sharedWith } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { memberView } from '../share-views.ts'
import { printable } from '../text.ts'
import { listInvitationsToUs, waitingShares } from './inbox.ts'

export interface AnswerOptions extends OutputOptions {
  all?: boolean
  yes?: boolean
}

const said: Readonly<Record<MemberStatus, (name: string) => string>> = {
  accepted: (name) => `${name} is shown in your list now.`,
  rejected: (name) => `${name} is hidden from your list. It can still be booted and downloaded by its id.`,
  pending: (name) => `${name} waits in your inbox, outside your list. It can be booted by its id meanwhile.`,
}

const isNotFound = async (error: unknown): Promise<boolean> => {
  const { NotFoundError } = await import('@vitrine/sdk')
  return error instanceof NotFoundError || (error instanceof CommandError && error.exitCode === ExitCode.notFound)
}

/** An invitation that a reference which names no image can mean. */
const findInvitation = async (
  service: ImageService,
  reference: string,
  signal: AbortSignal,
): Promise<InboxInvitation | undefined> => {
  const invitations = await listInvitationsToUs(service, signal)
  const found = invitations.filter(({ id, image }) => id === reference || image.name === reference)
  if (found.length > 1) {
    const ids = found.map(({ id, sharedBy }) => `  ${id}  from ${printable(sharedBy)}`)
    const message = `${found.length} invitations answer to ${printable(reference)}; vitrine never guesses which one is meant.`
    throw new CommandError(ExitCode.conflict, message, [...ids, 'Use the id.'].join('\n'))
  }
  return found[0]
}

const answerInvitation = async (
  invocation: Invocation,
  service: ImageService,
  { id, image }: InboxInvitation,
  status: MemberStatus,
): Promise<JsonObject> => {
  const { results } = await service.answerInbox(status, { invitations: [id] }, { signal: invocation.signal })
  const [result] = results
  if (result?.error) throw new CommandError(ExitCode.error, result.error)
  const name = `${printable(image.name ?? '(no name)')} (${result?.imageId ?? `invitation ${id}`})`
  const withoutId = `The invitation to ${printable(image.name ?? '(no name)')} is declined.`
  await say(invocation, status === 'rejected' && !result?.imageId ? withoutId : said[status](name))
  return { image_id: result?.imageId ?? null, invitation_id: id, status }
}

const answerAll = async (invocation: Invocation, status: MemberStatus, options: AnswerOptions): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const { service } = connection
  const { id } = projectOf(connection)
  const verb = status === 'accepted' ? 'Accept' : 'Reject'
  await confirm(invocation, `${verb} everything that waits in the inbox?`, options.yes)

  const rows: JsonObject[] = []
  const denials = createDenialNotes()
  const atOnce = async () => {
    // What is answered does not wait any more, so it is looked at before.
    if (status === 'accepted') for await (const item of service.listInbox({}, { signal })) denials.see(item)
    for (;;) {
      const { results, more } = await service.answerInbox(status, {}, { signal })
      rows.push(
        ...results.map(({ imageId, invitationId, result, error }) => ({
          image_id: imageId,
          invitation_id: invitationId,
          status: result,
          error,
        })),
      )
      // What fails waits on, and would be answered again and again.
      if (!more || results.every(({ result }) => result === 'failed')) return
    }
  }
  const oneByOne = async () => {
    for await (const { image } of waitingShares(service, id, signal)) {
      const member = await image.updateMember(id, status, { signal })
      rows.push({ image_id: image.id, invitation_id: null, status: member.status, error: null })
    }
  }
  await orElse(atOnce(), oneByOne)
  const failures = rows.filter(({ error }) => error !== null)
  for (const { image_id, invitation_id, error } of failures) {
    await say(invocation, `vitrine: ${printable(String(image_id ?? invitation_id))}: ${printable(String(error))}`)
  }
  if (options.format !== 'table' || options.column !== undefined) await writeList(invocation, memberView, rows, options)
  const answered = rows.length - failures.length
  await say(
    invocation,
    rows.length === 0
      ? 'Nothing waits.'
      : `${answered} answered${status === 'accepted' ? '; they are in your list now' : ''}.`,
  )
  await denials.tell(invocation)
  if (failures.length > 0) throw new CommandError(ExitCode.error, `${failures.length} could not be answered.`)
}

/** Answers shares and invitations: accepted, rejected, or pending for "later". */
export const answerShares = async (
  invocation: Invocation,
  status: MemberStatus,
  references: readonly string[],
  options: AnswerOptions,
): Promise<void> => {
  if ((references.length === 0) !== (options.all === true)) {
    throw usageError('Name images, or take all that wait with --all.')
  }
  if (options.all === true) return answerAll(invocation, status, options)
  const { signal } = invocation
  const connection = await connect(invocation)
  const { service } = connection
  const { id } = projectOf(connection)
  const { done, failed } = await eachOf(invocation, references, async (reference): Promise<JsonObject> => {
    try {
      const image = await findImage(service, reference, { signal, prefer: sharedWith(id) })
      const member = await image.updateMember(id, status, { signal })
      await say(invocation, said[status](imageLabel(image)))
      if (status === 'accepted') await noteOwnDenial(invocation, image)
      return member.toJSON()
    } catch (error) {
      if (!(await isNotFound(error))) throw error
      const invitation = await findInvitation(service, reference, signal)
      if (invitation === undefined) throw error
      return answerInvitation(invocation, service, invitation, status)
    }
  })
  if (options.format !== 'table' || options.column !== undefined) await writeList(invocation, memberView, done, options)
  if (failed !== undefined) throw failed
}
