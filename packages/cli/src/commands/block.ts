import { CommandError, usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage, sharedWith } from '../find-image.ts'
import { printable } from '../text.ts'

export interface BlockOptions {
  producer?: string
  yes?: boolean
}

const what = 'Blocking a producer is'
const undo = 'To undo it: vitrine rules, vitrine rule delete ID'

/** Never shows shares of a producer again: the one named, or those who share these images. */
export const blockProducers = async (
  invocation: Invocation,
  references: readonly string[],
  { producer, yes }: BlockOptions,
): Promise<void> => {
  if ((references.length === 0) === (producer === undefined)) {
    throw usageError('Name images, or one producer with --producer @HANDLE or --producer ID.')
  }
  const { signal } = invocation
  const connection = await connect(invocation)
  const { service } = connection
  const { id } = projectOf(connection)
  if (producer !== undefined) {
    await confirm(invocation, `Block ${printable(producer)}? What it shares is never shown to your project.`, yes)
    await needsVitrine(invocation, service, what, service.createRule({ kind: 'block', producer }, { signal }))
    return say(invocation, `${printable(producer)} is blocked. ${undo}`)
  }
  const images = []
  for (const reference of references) {
    images.push(await findImage(service, reference, { signal, prefer: sharedWith(id) }))
  }
  const owners = [...new Set(images.map(({ owner }) => owner ?? 'unknown'))].map(printable).join(', ')
  await confirm(
    invocation,
    `Block ${owners}? What they share is never shown to your project, and these are rejected.`,
    yes,
  )
  const answered = service.answerInbox('block', { images: images.map((image) => image.id) }, { signal })
  const { results, blocked } = await needsVitrine(invocation, service, what, answered)
  if (blocked.length > 0) await say(invocation, `Blocked: ${blocked.map(printable).join(', ')}. ${undo}`)
  const failure = results.find(({ error }) => error !== null)
  if (failure?.error) throw new CommandError(ExitCode.error, failure.error)
}
