import type { Image, Withdrawal } from '@vitrine/sdk'
import { documentView } from '../columns.ts'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { formatInstant, formatRelative } from '../units.ts'
import { resolveWhen, type When } from '../when.ts'
import { wireDocument } from '../wire.ts'

export interface WithdrawOptions extends OutputOptions {
  project?: string[]
  at?: When
  delete?: boolean
  message?: string
  cancel?: boolean
  dryRun?: boolean
  yes?: boolean
}

const view = documentView([])

const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

/** Whom it concerns, as sentences; empty when it concerns nobody. */
export const affected = (withdrawal: Withdrawal): string => {
  const { accepted, waiting, rejected, downloads, lastUsedWeek, invitations, requests, listing } = withdrawal
  const projects = accepted + waiting + rejected
  const sentences: string[] = []
  if (projects > 0) {
    sentences.push(
      `${count(projects, 'project')} can use it: ${accepted} accepted it, ${waiting} wait, ${rejected} rejected it.`,
    )
  }
  if (downloads > 0) sentences.push(`${count(downloads, 'download')} are counted.`)
  if (lastUsedWeek !== null) sentences.push(`Last used in the week of ${lastUsedWeek}.`)
  if (invitations > 0) sentences.push(`${count(invitations, 'invitation')} can still be claimed.`)
  if (requests > 0) sentences.push(`${count(requests, 'request waits', 'requests wait')} for your answer.`)
  if (listing !== null) sentences.push('It is in the catalogue.')
  return sentences.join(' ')
}

const cancel = async (invocation: Invocation, image: Image, { planned }: Withdrawal): Promise<void> => {
  if (planned === null) return say(invocation, `No withdrawal of ${imageLabel(image)} is announced.`)
  await image.cancelWithdrawal({ signal: invocation.signal })
  await say(invocation, `${imageLabel(image)} stays shared; those who were told of its end are told so.`)
}

const question = (image: Image, options: WithdrawOptions, at: Date | undefined, nowMs: number): string => {
  const from = options.project === undefined ? 'everybody' : count(options.project.length, 'project')
  const when = at === undefined ? 'now' : `on ${formatInstant(at)} (${formatRelative(at, nowMs)})`
  const deleted = options.delete === true ? ', and delete it' : ''
  return `Take ${imageLabel(image)} back from ${from} ${when}${deleted}?`
}

/** Ends shares of an image, at once or on a date of which the consumers are told. What it affects is shown first. */
export const withdrawImage = async (
  invocation: Invocation,
  reference: string,
  options: WithdrawOptions,
): Promise<void> => {
  const { project: projects, delete: deleteImage, message } = options
  if (options.cancel === true && [projects, options.at, deleteImage, message].some((given) => given !== undefined)) {
    throw usageError('--cancel takes back what was announced, and goes with none of the other options.')
  }
  if (deleteImage === true && projects !== undefined) {
    throw usageError('An image is deleted for everybody: --delete does not go with --project.')
  }
  const { signal } = invocation
  const nowMs = invocation.now()
  const at = resolveWhen(options.at, nowMs, '--at')
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const before = await needsVitrine(
    invocation,
    connection.service,
    'A withdrawal with notice is',
    image.getWithdrawal({ signal }),
  )
  if (options.dryRun === true) {
    await writeRecord(invocation, view, wireDocument(before), options)
    return say(invocation, 'A dry run: nothing was changed.')
  }
  if (options.cancel === true) return cancel(invocation, image, before)
  const effect = affected(before)
  await say(invocation, effect === '' ? 'Nobody uses it.' : effect)
  await confirm(invocation, question(image, options, at, nowMs), options.yes)
  const after = await image.withdraw({ projects, at, deleteImage, message }, { signal })
  await writeRecord(invocation, view, wireDocument(after), options)
}
