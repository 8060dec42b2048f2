import type { Image, Member } from '@vitrine/sdk'
import type { Invocation } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { unsupported } from '../extension.ts'
import { isProjectName } from '../project-id.ts'
import type { Outcome, Shared, ShareRequest } from '../share-outcome.ts'

const known = (member: Member): Outcome => ({
  project: member.memberId,
  status: member.status,
  result: 'already shared',
})

/** Sharing twice is the same as sharing once: who repeats a command after a failure wants the rest, not an error. */
const shareWith = async (image: Image, project: string, signal: AbortSignal): Promise<Outcome> => {
  const { ConflictError } = await import('@vitrine/sdk')
  try {
    const { status } = await image.createMember(project, { signal })
    return { project, status, result: 'shared' }
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
    return known(await image.getMember(project, { signal }))
  }
}

/** What sharing would do, from what is there; nothing is changed. */
const preview = async (image: Image, projects: readonly string[], signal: AbortSignal): Promise<Outcome[]> => {
  const members = await image.listMembers({ signal }).toArray()
  return projects.map((project) => {
    const member = members.find(({ memberId }) => memberId === project)
    return member === undefined ? { project, status: null, result: 'would be shared' } : known(member)
  })
}

/** Sharing with the Image API alone: one member after the other, by id, with neither message nor end. */
export const shareAsMembers = async (invocation: Invocation, request: ShareRequest): Promise<Shared> => {
  const { image, projects, terms, dryRun } = request
  if (terms.message !== undefined || terms.endsAt !== undefined) throw unsupported('A message or an end of a share is')
  if (projects.some(isProjectName)) throw unsupported('Sharing by the name of a project is')
  if (request.grant) throw unsupported('Letting a project use a key is')
  const { signal } = invocation
  if (dryRun) return { outcomes: await preview(image, projects, signal), failed: undefined }
  const { done, failed } = await eachOf(invocation, projects, (project) => shareWith(image, project, signal))
  return { outcomes: done, failed }
}
