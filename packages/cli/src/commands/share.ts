import type { ImageService } from '@vitrine/sdk'
import { noteDenials } from '../boot-notes.ts'
import { ToldError } from '../command-error.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, red, say } from '../context.ts'
import { exitCodeForStatus } from '../exit-codes.ts'
import { orElse } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { checkProjects, isProjectName } from '../project-id.ts'
import type { Outcome, Shared, ShareRequest } from '../share-outcome.ts'
import { printable } from '../text.ts'
import { resolveWhen, type When } from '../when.ts'
import { shareAsMembers } from './share-members.ts'
import { changeTerms } from './share-terms.ts'

export interface ShareOptions extends OutputOptions {
  message?: string
  until?: When
  grant?: boolean
  dryRun?: boolean
  anyId?: boolean
}

const outcomeView: View<Outcome> = {
  columns: [
    { key: 'member_id', title: 'Project', value: ({ project }) => project },
    { key: 'status', title: 'Status', value: ({ status }) => status },
    { key: 'result', title: 'Result', value: ({ result }) => result },
  ],
  document: (outcome) => Object.fromEntries(outcomeView.columns.map(({ key, value }) => [key, value(outcome)])),
}

/** What was done, and what would be done; a result that is not known here is told as it is. */
const words = new Map<string, readonly [did: string, would: string]>([
  ['shared', ['shared', 'would be shared']],
  ['invited', ['invited', 'would be invited']],
  ['changed', ['changed', 'would be changed']],
  ['unchanged', ['already shared', 'already shared']],
])

const wordsFor = (project: string, result: string): readonly [did: string, would: string] =>
  result === 'unchanged' && isProjectName(project)
    ? ['already invited', 'already invited']
    : (words.get(result) ?? [result, result])

type Results = Awaited<ReturnType<ImageService['shareMany']>>['results']

/** All projects in one call, whatever becomes of each; undefined where the cloud has no such call. */
const shareAtOnce = (
  service: ImageService,
  request: ShareRequest,
  signal: AbortSignal,
): Promise<Results | undefined> => {
  const { image, projects, terms, dryRun } = request
  // Left out where it is not wanted, so that services without keys need not know the word.
  const grant = request.grant ? true : undefined
  const call = service.shareMany({ images: [image.id], projects, dryRun, grant, ...terms }, { signal })
  return orElse<Results | undefined>(
    call.then(({ results }) => results),
    async () => undefined,
  )
}

/** Tells what failed, and gives projects that were members already the terms that are wanted now. */
const outcomesOf = async (invocation: Invocation, results: Results, request: ShareRequest): Promise<Shared> => {
  const { image, terms, dryRun } = request
  const { signal, talk } = invocation
  let failed: ToldError | undefined
  for (const { project, error } of results) {
    if (error === null) continue
    await say(invocation, `${red(talk, 'vitrine:')} ${printable(project)}: ${printable(error.message)}`)
    failed ??= new ToldError(exitCodeForStatus(error.status))
  }
  const kept = results.filter(({ result }) => result === 'unchanged').map(({ project }) => project)
  const changed = await changeTerms(image, kept, terms, { dryRun, signal })
  const members = await image.listMembers({ signal }).toArray()
  const outcomes = results
    .filter(({ result }) => result !== 'failed')
    .map(({ project, result }): Outcome => {
      const status = members.find(({ memberId }) => memberId === project)?.status ?? null
      const [did, would] = wordsFor(project, changed.has(project) ? 'changed' : result)
      return { project, status, result: dryRun ? would : did }
    })
  return { outcomes, failed }
}

/** Tells of projects that have the image and could not boot it, or would not. @returns whether there are any */
const noteBoot = (invocation: Invocation, request: ShareRequest, outcomes: readonly Outcome[]): Promise<boolean> => {
  const projects = outcomes.map(({ project }) => project).filter((project) => !isProjectName(project))
  // In a dry run the key is not granted yet, and would be.
  const leaveOut = request.grant && request.dryRun ? ['key'] : []
  return noteDenials(invocation, request.image, projects, leaveOut)
}

export const shareImage = async (
  invocation: Invocation,
  reference: string,
  references: readonly string[],
  options: ShareOptions,
): Promise<void> => {
  const projects = [...new Set(references)]
  checkProjects(projects, options.anyId === true)
  const { signal } = invocation
  const terms = { message: options.message, endsAt: resolveWhen(options.until, invocation.now(), '--until') }
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const request = { image, projects, terms, dryRun: options.dryRun === true, grant: options.grant === true }
  const results = await shareAtOnce(connection.service, request, signal)
  const { outcomes, failed } =
    results === undefined ? await shareAsMembers(invocation, request) : await outcomesOf(invocation, results, request)
  await writeList(invocation, outcomeView, outcomes, options)
  const isLocked = results !== undefined && (await noteBoot(invocation, request, outcomes))
  if (request.dryRun) await say(invocation, 'A dry run: nothing was changed.')
  else if (outcomes.some(({ result }) => result === 'shared')) {
    const boots = isLocked ? '' : 'They can boot it by its id at once. '
    await say(invocation, `${boots}It joins their list when they run: vitrine accept ${image.id}`)
  }
  if (outcomes.some(({ result }) => result === 'invited')) {
    await say(invocation, 'Whoever acts for a project that is invited finds it there with: vitrine inbox')
  }
  if (failed !== undefined) throw failed
}
