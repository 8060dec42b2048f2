import { findImage } from '../images/queries.ts'
import { type KeyFinding, type KeyParts, keyFindingOf, noKey } from '../keys/states.ts'
import { findMember } from '../members/queries.ts'
import { type BootFacts, type BootReason, judgeBoot } from '../shares/boot-rules.ts'
import type { MailPayload } from './content.ts'
import type { MailedBoot } from './queue.ts'

/** Adds to a mail about a share what is known at the time of sending: whether its reader can boot the image. */
export interface BootNotes {
  /** Never fails: where it cannot be found out, nothing is said. */
  add(payload: MailPayload, mailbox: string): Promise<MailPayload>
}

/** Mails wait for nobody long. */
const longestMs = 2000
/** After that, the key manager is left alone for a while: one that hangs would hold up every mail about an encrypted image. */
const pauseMs = 30_000

type Image = BootFacts['image']

/** What a mail has not said already: its share and the end of it. */
const rulesTold: ReadonlySet<BootReason['rule']> = new Set([
  'status',
  'key',
  'format',
  'min_disk',
  'min_ram',
  'content',
])

/** Of an image that is not shared yet, nothing that only whoever sees it may know. */
const rulesToldBefore: ReadonlySet<BootReason['rule']> = new Set(['status', 'format'])

const judge = (facts: Omit<BootFacts, 'server' | 'storage'>, rules: typeof rulesTold): MailedBoot => {
  const { reasons } = judgeBoot({ ...facts, server: {}, storage: null })
  const told = reasons.filter(({ effect, rule }) => effect !== 'allows' && rules.has(rule))
  return {
    canBoot: told.every(({ effect }) => effect !== 'denies'),
    denials: told.filter(({ effect }) => effect === 'denies').map(({ text, next }) => ({ text, next })),
    remarks: told.filter(({ effect }) => effect === 'informs').map(({ text }) => text),
  }
}

const withBoot = (payload: MailPayload, boot: MailedBoot): MailPayload => {
  if ('unsubscribeKey' in payload) {
    const { content } = payload
    return content.template === 'request.approved' ? { ...payload, content: { ...content, boot } } : payload
  }
  const { content } = payload
  return content.template === 'notice' ? { content: { ...content, boot } } : payload
}

export const createBootNotes = (parts: KeyParts, limitMs = longestMs): BootNotes => {
  const { database, now, log } = parts
  let asksAgainAt = 0

  /** Undefined: nobody knows. */
  const findKeyState = async (image: Image, projectId: string): Promise<KeyFinding | undefined> => {
    if (image.encryption === null) return noKey
    if (now() < asksAgainAt) return undefined
    const finding = await keyFindingOf(parts, { image, projectId }, { limitMs })
    if (finding.trouble === 'no_answer') asksAgainAt = now() + pauseMs
    return finding.state === 'unknown' || finding.state === 'not_needed' ? undefined : finding
  }

  /** Of a share, if it still is one. */
  const ofShare = async (imageId: string, projectId: string): Promise<MailedBoot | undefined> => {
    const at = now()
    const found = await findImage(database.read, imageId, projectId, at)
    const share = await findMember(database.read, imageId, projectId)
    if (found?.row.visibility !== 'shared' || !found.isMember || share === undefined) return undefined
    const key = await findKeyState(found.row, projectId)
    if (key === undefined) return undefined
    const { row: image } = found
    return judge({ image, project: projectId, relation: 'member', share, now: at, key, ifShared: undefined }, rulesTold)
  }

  /** Anybody can ask in the name of a project: only who proved that it is theirs is told what it can do with a key. */
  const ofRequest = async (imageId: string, projectId: string, mailbox: string): Promise<MailedBoot | undefined> => {
    const found = await findImage(database.read, imageId, projectId, now())
    if (found === undefined) return undefined
    if (found.row.encryption !== null) {
      const proven = await database.read
        .selectFrom('access_requests')
        .select('id')
        .where('image_id', '=', imageId)
        .where('project_id', '=', projectId)
        .where('email', '=', mailbox)
        .where('project_proven', '=', 1)
        .limit(1)
        .executeTakeFirst()
      if (proven === undefined) return undefined
    }
    return ofShare(imageId, projectId)
  }

  /** Of an invitation, what will be once it is accepted. It may give the right to the key along. */
  const ofInvitation = async (invitationId: string, projectId: string): Promise<MailedBoot | undefined> => {
    const invitation = await database.read
      .selectFrom('invitations')
      .select(['image_id', 'owner_id', 'grant_key'])
      .where('id', '=', invitationId)
      .executeTakeFirst()
    if (invitation === undefined) return undefined
    const at = now()
    const image = (await findImage(database.read, invitation.image_id, projectId, at))?.row
    if (image?.visibility !== 'shared' || image.owner !== invitation.owner_id) return undefined
    const key = await findKeyState(image, projectId)
    if (key === undefined) return undefined
    const ifShared = { members: null, endsAt: null }
    const facts = { image, project: projectId, relation: 'none', share: undefined, now: at, key, ifShared } as const
    const { canBoot, denials, remarks } = judge(facts, rulesToldBefore)
    const isGranted = key.trouble === null || (key.trouble === 'not_granted' && invitation.grant_key === 1)
    const refusal = {
      text: 'The image is encrypted, and your project may not use its key.',
      next: 'The producer can let it, with a new invitation that gives the right to the key along.',
    }
    return {
      canBoot: canBoot && isGranted,
      // What is to be done about the image names it, and that is not for the reader yet.
      denials: [...denials.map(({ text }) => ({ text, next: null })), ...(isGranted ? [] : [refusal])],
      remarks,
    }
  }

  const find = async ({ content }: MailPayload, mailbox: string): Promise<MailedBoot | undefined> => {
    if (content.template === 'request.approved') return ofRequest(content.image.id, content.projectId, mailbox)
    if (content.template !== 'notice') return undefined
    const { kind, image, projectId, detail } = content
    if (kind === 'share.created' && image !== null && image.id !== null) return ofShare(image.id, projectId)
    const invitation = detail.invitation_id
    return kind === 'invitation.received' && typeof invitation === 'string'
      ? ofInvitation(invitation, projectId)
      : undefined
  }

  return {
    add: async (payload, mailbox) => {
      try {
        const boot = await find(payload, mailbox)
        return boot === undefined ? payload : withBoot(payload, boot)
      } catch (error) {
        log.error({ err: error }, 'a mail is sent without saying whether the image boots')
        return payload
      }
    },
  }
}
