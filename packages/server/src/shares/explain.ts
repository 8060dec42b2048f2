import type { ExplanationDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { decide } from '../access/decide.ts'
import { listImages } from '../images/list.ts'
import { parseListQuery } from '../images/list-query.ts'
import { type KeyFinding, keyFindingOf, noKey } from '../keys/states.ts'
import type { Service } from '../service.ts'
import { whyKey } from './boot-key.ts'
import { endAhead, whyNoBytes, whySeen } from './sight.ts'
import { readSubject, type Subject } from './subject.ts'

type Reason = ExplanationDocument['reasons'][number]

const reason = (rule: string, effect: Reason['effect'], text: string): Reason => ({ rule, effect, text })

/** What was found out about one project and one image. */
interface Facts extends Subject {
  readonly key: KeyFinding
}

const whyListed = ({ image, relation, share, isOpen }: Facts): Reason[] => {
  const reasons: Reason[] = []
  if (relation === 'none') return reasons
  if (relation === 'public' && image.visibility !== 'public') {
    const text = 'Lists show images of this visibility of others only when they ask for it.'
    reasons.push(reason('visibility', 'hides', text))
  }
  if (relation === 'member' && share !== undefined) {
    if (share.blocked === 1 && isOpen) {
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

const whyOpened = ({ image, project, key }: Facts): Reason[] => {
  if (image.encryption !== 'sealed') return []
  const remark = whyKey(image, project, key)
  if (remark === undefined) return []
  return [reason(remark.rule, remark.effect, remark.next === null ? remark.text : `${remark.text} ${remark.next}`)]
}

const whyDownloaded = (facts: Facts): Reason[] => {
  const { image, relation } = facts
  if (relation === 'none') return []
  const noBytes = whyNoBytes(image)
  return [
    reason('roles', 'informs', 'Seeing it takes the role reader on the project, downloading it the role member.'),
    ...endAhead(facts),
    ...(noBytes === undefined ? [] : [noBytes]),
    ...whyOpened(facts),
  ]
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
 * Why a project, acting with the role member, may or may not see, list and download an image.
 * @param asked undefined: the own project
 * @throws ApiError as `readSubject`
 */
export const explain = async (
  service: Service,
  actor: Actor,
  imageId: string,
  asked: string | undefined,
): Promise<ExplanationDocument> => {
  const subject = await readSubject(service, actor, imageId, asked)
  const { image, project, relation, membership } = subject
  // Only what the service opens is kept from whoever has no key.
  const isOpened = relation !== 'none' && image.encryption === 'sealed'
  const facts: Facts = {
    ...subject,
    key: isOpened ? await keyFindingOf(service, { image, projectId: project }) : noKey,
  }
  const reasons = [whySeen(facts), ...whyListed(facts), ...whyDownloaded(facts)]
  const listed = await isListed(service, subject.actor, imageId, subject.now)
  return {
    image_id: imageId,
    project_id: project,
    see: decide(subject.actor, 'image.show', image, membership) === 'allow',
    list: listed || (!subject.isOpen && wouldBeListed(facts)),
    download:
      decide(subject.actor, 'image.download', image, membership) === 'allow' &&
      whyNoBytes(image) === undefined &&
      (facts.key.state === 'not_needed' || facts.key.state === 'granted'),
    reasons,
  }
}
