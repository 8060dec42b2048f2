import type { Image } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { ExitCode } from '../exit-codes.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { printable } from '../text.ts'

export interface DeleteOptions {
  yes?: boolean
}

const label = (image: Image): string => `${printable(image.name ?? '(no name)')} (${image.id})`

/** Whom it concerns; the question is not worth failing for. */
const consequence = async (image: Image, signal: AbortSignal): Promise<string> => {
  if (image.visibility !== 'shared') return image.visibility === 'private' ? '' : ` It is ${image.visibility}.`
  const members = await image
    .listMembers({ signal })
    .toArray()
    .catch(() => [])
  if (members.length === 0) return ''
  const accepted = members.filter(({ status }) => status === 'accepted').length
  return ` ${members.length} projects can use it (${accepted} accepted it) and lose it at once.`
}

export const deleteImages = async (
  invocation: Invocation,
  references: readonly string[],
  options: DeleteOptions,
): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const { failed } = await eachOf(invocation, references, async (reference) => {
    const image = await findImage(connection.service, reference, { signal, prefer })
    if (image.protected) {
      const next = `Lift that first: vitrine image set ${image.id} --no-protected`
      throw new CommandError(ExitCode.denied, `${label(image)} is protected and cannot be deleted.`, next)
    }
    if (options.yes !== true && invocation.stdinIsTerminal) {
      await confirm(invocation, `Delete ${label(image)}?${await consequence(image, signal)}`, options.yes)
    }
    await image.delete({ signal })
    await say(invocation, `Deleted ${label(image)}.`)
  })
  if (failed !== undefined) throw failed
}
