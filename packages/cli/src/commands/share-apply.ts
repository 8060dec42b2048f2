import type { JsonObject } from '@vitrine/sdk'
import { computed, documentView, field, instant, prose, yesNo } from '../columns.ts'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { type Connection, connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { readText } from '../read-text.ts'
import { formatInstant } from '../units.ts'
import type { When } from '../when.ts'
import { parseShareFile } from './share-file.ts'
import { batchesOf, planShares, type Step, sendBatch } from './share-plan.ts'

export interface ShareFileOptions extends OutputOptions {
  prune?: boolean
  anyId?: boolean
  yes?: boolean
  grant?: boolean
  dryRun?: boolean
  message?: string
  until?: When
}

const signs = { share: '+', invite: '+', grant: '~', change: '~', unshare: '-' } as const

const stepView = documentView(
  [
    computed('sign', '', ({ sign = null }) => sign),
    field('action', 'Action'),
    field('image', 'Image'),
    field('project', 'Project'),
    instant('ends_at', 'Ends'),
    prose('message', 'Message'),
  ],
  [field('image_id', 'Image id'), yesNo('grant', 'With key')],
)

const grants = (step: Step): boolean => step.action === 'grant' || ('grant' in step && step.grant)

const rowOf = (step: Step): JsonObject => {
  const { action, image, project, terms } = step
  return {
    sign: signs[action],
    action,
    image_id: image.id,
    image: image.name ?? image.id,
    project,
    message: terms.message ?? null,
    ends_at: terms.endsAt === undefined ? null : formatInstant(terms.endsAt),
    grant: grants(step),
  }
}

const stepsOf = async (
  invocation: Invocation,
  connection: Connection,
  path: string,
  options: ShareFileOptions,
): Promise<Step[]> => {
  if (options.message !== undefined || options.until !== undefined || options.grant !== undefined) {
    const next = 'Write "message:", "until:" and "grant: true" beside the projects.'
    throw usageError('What the shares carry is said in the file.', next)
  }
  const { id: projectId } = projectOf(connection)
  const pairs = await parseShareFile(await readText(invocation, path))
  const { prune = false, anyId = false } = options
  const planned = planShares(connection.service, pairs, { projectId, prune, anyId, signal: invocation.signal })
  const steps = await needsVitrine(invocation, connection.service, 'A file of shares is', planned)
  await writeList(invocation, stepView, steps.map(rowOf), options)
  return steps
}

/** Everything is tried before anything is done: what fails half-way is then only what changed in between. */
const check = async (invocation: Invocation, { service }: Connection, steps: readonly Step[]): Promise<void> => {
  const { signal } = invocation
  for (const batch of batchesOf(steps)) await sendBatch(service, batch, { dryRun: true, signal })
}

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

const asExpected = 'Nothing to do: the shares are as the file says.'

/** Shows what applying the file would do. */
export const planShareFile = async (invocation: Invocation, path: string, options: ShareFileOptions): Promise<void> => {
  const connection = await connect(invocation)
  const steps = await stepsOf(invocation, connection, path, options)
  await check(invocation, connection, steps)
  await say(
    invocation,
    steps.length === 0 ? asExpected : `${plural(steps.length, 'change')}. To do it: vitrine share apply ${path}`,
  )
}

/** Makes the shares as the file says; done again it changes nothing. */
export const applyShareFile = async (
  invocation: Invocation,
  path: string,
  options: ShareFileOptions,
): Promise<void> => {
  if (options.dryRun === true) return planShareFile(invocation, path, options)
  const { signal } = invocation
  const connection = await connect(invocation)
  const steps = await stepsOf(invocation, connection, path, options)
  if (steps.length === 0) return say(invocation, asExpected)
  await check(invocation, connection, steps)
  await confirm(invocation, `Make ${plural(steps.length, 'change')}?`, options.yes)
  // What gives comes before what takes: an interruption leaves nobody without what the file promises.
  const batches = batchesOf(steps)
  for (const batch of batches)
    if (batch.action === 'share') await sendBatch(connection.service, batch, { dryRun: false, signal })
  for (const step of steps) {
    if (step.action === 'change') await step.share.update({ ...step.terms }, { signal })
  }
  for (const batch of batches)
    if (batch.action === 'unshare') await sendBatch(connection.service, batch, { dryRun: false, signal })
  await say(invocation, `${plural(steps.length, 'change')} made.`)
}
