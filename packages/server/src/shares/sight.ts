import type { Relation } from '../access/decide.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import { isOver } from './plan.ts'

/** Sentences about what a project may do with an image, for everything that explains it. */
export interface Remark<Rule extends string = string> {
  readonly rule: Rule
  readonly effect: 'allows' | 'denies' | 'informs'
  readonly text: string
}

/** What decides whether a project sees an image. */
export interface SightFacts {
  readonly image: Pick<ImagesTable, 'owner' | 'visibility'>
  readonly project: string
  /** As what it sees the image. */
  readonly relation: Relation
  /** Its membership, also one that does not count. */
  readonly share: Pick<MembersTable, 'created_at' | 'ends_at' | 'withdrawn'> | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}

type SightRule = 'ownership' | 'visibility' | 'membership' | 'end'

const whyNotSeen = ({ image, project, share, now }: SightFacts): Remark<SightRule> => {
  if (image.visibility === 'private') {
    return {
      rule: 'visibility',
      effect: 'denies',
      text: 'The image is private: nobody but its owner sees it.',
    }
  }
  if (share !== undefined && share.ends_at !== null && isOver(share, now)) {
    const text = `The share with project ${project} ended at ${wireDate(share.ends_at)}.`
    return { rule: 'end', effect: 'denies', text }
  }
  const text = `The image is shared, and project ${project} is not one of its members.`
  return { rule: 'membership', effect: 'denies', text }
}

/** Why the project sees the image, or not. */
export const whySeen = (facts: SightFacts): Remark<SightRule> => {
  const { image, project, relation, share } = facts
  switch (relation) {
    case 'admin':
    case 'owner':
      return { rule: 'ownership', effect: 'allows', text: `Project ${project} owns the image.` }
    case 'public':
      return image.owner === null
        ? { rule: 'ownership', effect: 'allows', text: 'The image has no owner: every project sees it.' }
        : { rule: 'visibility', effect: 'allows', text: `The image is ${image.visibility}: every project sees it.` }
    case 'member': {
      const since = share === undefined ? '' : ` since ${wireDate(share.created_at)}`
      return {
        rule: 'membership',
        effect: 'allows',
        text: `The image is shared with project ${project}${since}.`,
      }
    }
    case 'none':
      return whyNotSeen(facts)
  }
}

/** The end that the share will have, if the project sees the image by a share that has one. */
export const endAhead = ({ relation, share }: Pick<SightFacts, 'relation' | 'share'>): Remark<'end'>[] => {
  if (relation !== 'member' || share === undefined || share.ends_at === null) return []
  const how = share.withdrawn === 1 ? 'by a withdrawal that was announced' : 'by itself'
  return [{ rule: 'end', effect: 'informs', text: `The share ends at ${wireDate(share.ends_at)}, ${how}.` }]
}

/** Why the bytes of the image cannot be had by anybody, if they cannot. */
export const whyNoBytes = ({ status }: Pick<ImagesTable, 'status'>): Remark<'deactivated' | 'status'> | undefined => {
  if (status === 'deactivated') {
    return { rule: 'deactivated', effect: 'denies', text: 'The image is deactivated: its bytes are locked.' }
  }
  return status !== 'active'
    ? { rule: 'status', effect: 'denies', text: `The image is ${status}: it has no bytes yet.` }
    : undefined
}
