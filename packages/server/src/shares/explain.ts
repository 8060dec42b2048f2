import type { ExplanationDocument } from '@vitrine/contract'
import { type Actor, expandRoles } from '../access/actor.ts'
import { decide, type Relation, relationOf } from '../access/decide.ts'
import { entitled } from '../access/entitle.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import { listImages } from '../images/list.ts'
import { parseListQuery } from '../images/list-query.ts'
import { findImage } from '../images/queries.ts'
import { findMember } from '../members/queries.ts'
import type { Service } from '../service.ts'
import { isOver } from './plan.ts'

type Reason = ExplanationDocument['reasons'][number]

const reason = (rule: string, effect: Reason['effect'], text: string): Reason => ({ rule, effect, text })

/** What was found out about one project and one image. */
interface Facts {
  readonly image: ImagesTable
  readonly project: string
  readonly relation: Relation
  /** The membership, also one that does not count. */
  readonly share: MembersTable | undefined
  /** Whether who asks may know what the project has blocked. */
  readonly tellsBlocks: boolean
  readonly now: number
}

const whyNotSeen = ({ image, project, share, now }: Facts): Reason => {
  if (image.visibility === 'private') {
    return reason('visibility', 'denies', 'The image is private: nobody but its owner sees it.')
  }
  if (share !== undefined && share.ends_at !== null && isOver(share, now)) {
    return reason('end', 'denies', `The share with project ${project} ended at ${wireDate(share.ends_at)}.`)
  }
  return reason('membership', 'denies', `The image is shared, and project ${project} is not one of its members.`)
}

const whySeen = (facts: Facts): Reason => {
  const { image, project, relation, share } = facts
  switch (relation) {
    case 'admin':
    case 'owner':
      return reason('ownership', 'allows', `Project ${project} owns the image.`)
    case 'public':
      return image.owner === null
        ? reason('ownership', 'allows', 'The image has no owner: every project sees it.')
        : reason('visibility', 'allows', `The image is ${image.visibility}: every project sees it.`)
    case 'member': {
      const since = share === undefined ? '' : ` since ${wireDate(share.created_at)}`
      return reason('membership', 'allows', `The image is shared with project ${project}${since}.`)
    }
    case 'none':
      return whyNotSeen(facts)
  }
}

const whyListed = ({ image, relation, share, tellsBlocks }: Facts): Reason[] => {
  const reasons: Reason[] = []
  if (relation === 'none') return reasons
  if (relation === 'public' && image.visibility !== 'public') {
    const text = 'Lists show images of this visibility of others only when they ask for it.'
    reasons.push(reason('visibility', 'hides', text))
  }
  if (relation === 'member' && share !== undefined) {
    if (share.blocked === 1 && tellsBlocks) {
      reasons.push(reason('block', 'hides', 'A rule of the project keeps what this producer shares out of its lists.'))
    }
    reasons.push(
      share.status === 'accepted'
        ? reason('membership_status', 'allows', 'The project has accepted the share, so its list shows the image.')
        : reason(
            'membership_status',
            'hides',
            `The share is ${share.status}: the list shows it only once the project accepts it. Its id works either way.`,
          ),
    )
  }
  if (image.os_hidden === 1) {
    reasons.push(reason('os_hidden', 'hides', 'The image is hidden: lists show it only with os_hidden=true.'))
  }
  return reasons
}

const whyDownloaded = ({ image, relation, share }: Facts): Reason[] => {
  if (relation === 'none') return []
  const reasons = [
    reason('roles', 'informs', 'Seeing it takes the role reader on the project, downloading it the role member.'),
  ]
  if (relation === 'member' && share !== undefined && share.ends_at !== null) {
    const how = share.withdrawn === 1 ? 'by a withdrawal that was announced' : 'by itself'
    reasons.push(reason('end', 'informs', `The share ends at ${wireDate(share.ends_at)}, ${how}.`))
  }
  if (image.status === 'deactivated') {
    reasons.push(reason('deactivated', 'denies', 'The image is deactivated: its bytes are locked.'))
  } else if (image.blob_key === null) {
    reasons.push(reason('status', 'denies', `The image is ${image.status}: it has no bytes yet.`))
  }
  return reasons
}

/** Whether the list of a project shows the image, asked of the list itself. */
const isListed = async ({ database, limits }: Service, subject: Actor, imageId: string, now: number) => {
  const query = parseListQuery(
    [
      ['id', imageId],
      ['limit', '1'],
    ],
    limits,
  )
  return (await listImages(database.read, subject, query, undefined, now)).length > 0
}

/** What the list would show if the project blocked nobody. */
const wouldBeListed = ({ image, relation, share }: Facts): boolean =>
  relation === 'member' && share?.blocked === 1 && share.status === 'accepted' && image.os_hidden === 0

/**
 * Why a project, acting with the role member, may or may not see, list and download an image. Owner and administrator may ask
 * of every project, everyone else who sees the image of its own.
 * @param asked undefined: the own project
 */
export const explain = async (
  service: Service,
  actor: Actor,
  imageId: string,
  asked: string | undefined,
): Promise<ExplanationDocument> => {
  const { read } = service.database
  const now = service.now()
  const ownProject = projectOf(actor, 'reader')
  const project = asked ?? ownProject
  const found = await findImage(read, imageId, actor.projectId, now)
  const { row: image, isMember } = entitled(actor, 'image.explain', { image: imageId }, found)
  const asker = relationOf(actor, image, { actorIsMember: isMember })
  if (project !== ownProject && asker !== 'owner' && asker !== 'admin') {
    throw apiError('forbidden', { what: 'ask what other projects may do with it' })
  }

  const subject: Actor = {
    userId: '',
    userName: null,
    projectId: project,
    projectNames: [],
    roles: expandRoles(['member']),
  }
  const membership = { actorIsMember: (await findImage(read, imageId, project, now))?.isMember === true }
  const facts: Facts = {
    image,
    project,
    relation: relationOf(subject, image, membership),
    share: await findMember(read, imageId, project),
    tellsBlocks: asker === 'admin' || project === ownProject,
    now,
  }
  const listed = await isListed(service, subject, imageId, now)
  return {
    image_id: imageId,
    project_id: project,
    see: decide(subject, 'image.show', image, membership) === 'allow',
    list: listed || (!facts.tellsBlocks && wouldBeListed(facts)),
    download:
      decide(subject, 'image.download', image, membership) === 'allow' &&
      image.status !== 'deactivated' &&
      image.blob_key !== null,
    reasons: [whySeen(facts), ...whyListed(facts), ...whyDownloaded(facts)],
  }
}
