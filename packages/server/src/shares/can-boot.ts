import type { CanBootDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import type { Cause } from '../events/events.ts'
import { keyFindingOf } from '../keys/states.ts'
import { countMembers } from '../members/queries.ts'
import type { Service } from '../service.ts'
import { type BootFacts, judgeBoot, type Room } from './boot-rules.ts'
import { endUnder, findPlan } from './plan.ts'
import { usedBytes } from './queries.ts'
import { readSubject, type Subject } from './subject.ts'

export interface BootQuestion {
  /** Undefined: the own project. */
  readonly project: string | undefined
  readonly server: BootFacts['server']
  /** As if the image were shared with the project already. */
  readonly ifShared: boolean
}

/** A share that is over makes room for the one that takes its place. */
const membersOf = async ({ database, limits }: Service, { image, share }: Subject): Promise<Room | null> => {
  const limit = limits.members_per_image
  if (limit < 0) return null
  const all = await countMembers(database.read, image.id)
  return { used: share === undefined ? all : all - 1, limit }
}

const pretended = async (service: Service, subject: Subject): Promise<BootFacts['ifShared']> => {
  const plan = await findPlan(service.database.read, subject.image.id)
  return { members: await membersOf(service, subject), endsAt: endUnder(plan, subject.project, null).ends_at }
}

/** What a project stores is told to itself and to administrators alone. */
const storageOf = async ({ database, limits }: Service, { project, isOpen }: Subject): Promise<Room | null> => {
  const limit = limits.project_storage_bytes
  return limit < 0 || !isOpen ? null : { used: await usedBytes(database.read, project), limit }
}

/**
 * Whether a project could boot an image now. The key is really used for it, which the log of the key tells.
 * @throws ApiError as `readSubject`
 */
export const canBoot = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  { project: asked, server, ifShared }: BootQuestion,
): Promise<CanBootDocument> => {
  const subject = await readSubject(service, actor, imageId, asked)
  const { image, project, relation } = subject
  const answer = judgeBoot({
    ...subject,
    server,
    ifShared: ifShared && relation === 'none' ? await pretended(service, subject) : undefined,
    storage: await storageOf(service, subject),
    key: await keyFindingOf(service, { image, projectId: project }, { cause }),
  })
  return { image_id: imageId, project_id: project, ...answer }
}
