import { type Actor, expandRoles } from '../access/actor.ts'
import { type MembershipFacts, relationOf } from '../access/decide.ts'
import { entitled } from '../access/entitle.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { findImage } from '../images/queries.ts'
import { findMember } from '../members/queries.ts'
import type { Service } from '../service.ts'
import type { SightFacts } from './sight.ts'

/** A project that somebody asks about, and how it stands to an image. */
export interface Subject extends SightFacts {
  readonly image: ImagesTable
  readonly share: MembersTable | undefined
  /** The project, acting with the role `member`. */
  readonly actor: Actor
  readonly membership: MembershipFacts
  /** Whether who asks may know what only the project itself knows. */
  readonly isOpen: boolean
}

/**
 * What decides what a project may do with an image. Owner and administrator may ask of every project, everyone else who sees
 * the image of its own.
 * @param asked undefined: the own project
 * @throws ApiError `image_not_found`, `forbidden`, `scope_required`, `role_required`
 */
export const readSubject = async (
  { database, now: clock }: Pick<Service, 'database' | 'now'>,
  asker: Actor,
  imageId: string,
  asked: string | undefined,
): Promise<Subject> => {
  const { read } = database
  const now = clock()
  const ownProject = projectOf(asker, 'reader')
  const project = asked ?? ownProject
  const found = await findImage(read, imageId, asker.projectId, now)
  const { row: image, isMember } = entitled(asker, 'image.explain', { image: imageId }, found)
  const as = relationOf(asker, image, { actorIsMember: isMember })
  if (project !== ownProject && as !== 'owner' && as !== 'admin') {
    throw apiError('forbidden', { what: 'ask what other projects may do with it' })
  }

  const actor: Actor = {
    userId: '',
    userName: null,
    projectId: project,
    projectNames: [],
    roles: expandRoles(['member']),
  }
  const membership = { actorIsMember: (await findImage(read, imageId, project, now))?.isMember === true }
  return {
    image,
    project,
    relation: relationOf(actor, image, membership),
    share: await findMember(read, imageId, project),
    now,
    actor,
    membership,
    isOpen: as === 'admin' || project === ownProject,
  }
}
