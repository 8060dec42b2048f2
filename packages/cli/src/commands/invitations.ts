import type { Invitation } from '@vitrine/sdk'
import { invitationView } from '../catalogue-views.ts'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { findOne, type Kind } from '../find-one.ts'
import { imageLabel } from '../image-label.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { isProjectName } from '../project-id.ts'
import { printable } from '../text.ts'
import { resolveWhen, type When } from '../when.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'Inviting is'

export interface InviteOptions extends OutputOptions {
  uses?: number
  expires?: When
  emailDomain?: string
  project?: string
  accepted?: boolean
  message?: string
  until?: When
  grant?: boolean
}

/** Makes a code that whoever has it can claim, or an invitation that a project finds in its inbox. */
export const inviteToImage = async (
  invocation: Invocation,
  reference: string,
  options: InviteOptions,
): Promise<void> => {
  const { project, uses, emailDomain, message, grant } = options
  if (project !== undefined && !isProjectName(project)) {
    throw usageError(`${printable(project)} is not name@domain.`, 'With the id of a project: vitrine share IMAGE ID.')
  }
  if (project !== undefined && uses !== undefined) throw usageError('An invitation of one project has one use.')
  const { signal } = invocation
  const nowMs = invocation.now()
  const expiresAt = resolveWhen(options.expires, nowMs, '--expires')
  const endsAt = resolveWhen(options.until, nowMs, '--until')
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const status = options.accepted === true ? ('accepted' as const) : undefined
  const attributes = { project, uses, emailDomain, message, expiresAt, endsAt, status, grant }
  const invitation = await needsVitrine(invocation, connection.service, what, image.invite(attributes, { signal }))
  await writeRecord(invocation, invitationView, wireDocument(invitation), options)
  await say(
    invocation,
    invitation.code === undefined
      ? `Whoever acts for ${printable(project ?? '')} finds it with: vitrine inbox`
      : `The code is shown this once. Whoever has it claims ${imageLabel(image)} with: vitrine claim ${printable(invitation.code)}`,
  )
}

/** Invitations to the project's images. */
export const listInvitations = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const invitations = listNeedsVitrine(what, service.listInvitations({}, { signal: invocation.signal }))
  const count = await writeList(invocation, invitationView, wireDocuments(invitations), options)
  if (count === 0) await say(invocation, 'Nobody is invited. To make a code: vitrine invite IMAGE')
}

const invitationKind: Kind<Invitation> = {
  name: 'invitation',
  list: 'vitrine invitations',
  id: ({ id }) => id,
  describe: ({ project, hint, state }) => `${project ?? `code ${hint ?? ''}...`}  ${state}`,
}

/** Ends an invitation; shares that were made by it stay. */
export const revokeInvitation = async (
  invocation: Invocation,
  reference: string,
  options: { yes?: boolean },
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const invitation = await findOne(
    listNeedsVitrine(what, service.listInvitations({}, { signal })),
    reference,
    invitationKind,
  )
  const left = invitation.uses - invitation.used
  await confirm(
    invocation,
    `End invitation ${invitation.id}? It could be claimed ${left} more times; who claimed it keeps the image.`,
    options.yes,
  )
  await invitation.revoke({ signal })
  await say(invocation, 'Nobody can claim it any more.')
}
