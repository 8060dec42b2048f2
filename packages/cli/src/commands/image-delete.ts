import type { Image } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { ExitCode } from '../exit-codes.ts'
import { orElse } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import { affected } from './withdraw.ts'

export interface DeleteOptions {
  /** Only the bytes in this store. */
  store?: string
  yes?: boolean
}

/** What the members of the image tell, on clouds that tell no more. */
const membersAffected = async (image: Image, signal: AbortSignal): Promise<string> => {
  const members = await image.listMembers({ signal }).toArray()
  if (members.length === 0) return ''
  const accepted = members.filter(({ status }) => status === 'accepted').length
  return `${members.length} projects can use it (${accepted} accepted it).`
}

/** Whom it concerns; the question is not worth failing for. */
const consequence = async (image: Image, signal: AbortSignal): Promise<string> => {
  if (image.visibility === 'community' || image.visibility === 'public') return ` It is ${image.visibility}.`
  const told = image.getWithdrawal({ signal }).then(affected)
  const effect = await orElse(told, () => membersAffected(image, signal)).catch(() => '')
  if (effect === '') return ''
  return ` ${effect} They lose it at once; to tell them first: vitrine withdraw ${image.id} --at DATE --delete.`
}

/** Deletes the bytes of images from one of the stores that have them. */
const deleteBytes = async (invocation: Invocation, image: Image, store: string, yes: boolean | undefined) => {
  if (yes !== true && invocation.stdinIsTerminal) {
    await confirm(invocation, `Delete the bytes of ${imageLabel(image)} in the store ${store}?`, yes)
  }
  await image.deleteFromStore(store, { signal: invocation.signal })
  const left = image.stores.length === 0 ? '' : ` They stay in ${image.stores.join(', ')}.`
  await say(invocation, `Deleted the bytes of ${imageLabel(image)} in the store ${store}.${left}`)
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
    if (options.store !== undefined) return deleteBytes(invocation, image, options.store, options.yes)
    if (image.protected) {
      const next = `Lift that first: vitrine image set ${image.id} --no-protected`
      throw new CommandError(ExitCode.denied, `${imageLabel(image)} is protected and cannot be deleted.`, next)
    }
    if (options.yes !== true && invocation.stdinIsTerminal) {
      await confirm(invocation, `Delete ${imageLabel(image)}?${await consequence(image, signal)}`, options.yes)
    }
    await image.delete({ signal })
    await say(invocation, `Deleted ${imageLabel(image)}.`)
  })
  if (failed !== undefined) throw failed
}
