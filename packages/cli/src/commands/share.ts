import type { Image, Member } from '@vitrine/sdk'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { checkProjectIds } from '../project-id.ts'

export interface ShareOptions extends OutputOptions {
  dryRun?: boolean
  anyId?: boolean
}

/** What became of one project, or would become. */
interface Outcome {
  projectId: string
  status: string | null
  result: 'shared' | 'already shared' | 'would be shared'
}

const outcomeView: View<Outcome> = {
  columns: [
    { key: 'member_id', title: 'Project', value: ({ projectId }) => projectId },
    { key: 'status', title: 'Status', value: ({ status }) => status },
    { key: 'result', title: 'Result', value: ({ result }) => result },
  ],
  document: (outcome) => Object.fromEntries(outcomeView.columns.map(({ key, value }) => [key, value(outcome)])),
}

const known = (member: Member): Outcome => ({
  projectId: member.memberId,
  status: member.status,
  result: 'already shared',
})

/** Sharing twice is the same as sharing once: who repeats a command after a failure wants the rest, not an error. */
const shareWith = async (image: Image, projectId: string, signal: AbortSignal): Promise<Outcome> => {
  const { ConflictError } = await import('@vitrine/sdk')
  try {
    const { status } = await image.createMember(projectId, { signal })
    return { projectId, status, result: 'shared' }
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    return known(await image.getMember(projectId, { signal }))
  }
}

/** What sharing would do, from what is there; nothing is changed. */
const preview = async (image: Image, projectIds: readonly string[], signal: AbortSignal): Promise<Outcome[]> => {
  const members = await image.listMembers({ signal }).toArray()
  return projectIds.map((projectId) => {
    const member = members.find(({ memberId }) => memberId === projectId)
    return member === undefined ? { projectId, status: null, result: 'would be shared' } : known(member)
  })
}

export const shareImage = async (
  invocation: Invocation,
  reference: string,
  projects: readonly string[],
  options: ShareOptions,
): Promise<void> => {
  const projectIds = [...new Set(projects)]
  checkProjectIds(projectIds, options.anyId === true)
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  if (options.dryRun === true) {
    await writeList(invocation, outcomeView, await preview(image, projectIds, signal), options)
    await say(invocation, 'A dry run: nothing was changed.')
    return
  }
  const { done, failed } = await eachOf(invocation, projectIds, (projectId) => shareWith(image, projectId, signal))
  await writeList(invocation, outcomeView, done, options)
  if (done.some(({ result }) => result === 'shared')) {
    await say(
      invocation,
      `They can boot it by its id at once. It joins their list when they run: vitrine accept ${image.id}`,
    )
  }
  if (failed !== undefined) throw failed
}
