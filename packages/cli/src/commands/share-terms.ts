import type { Image, Share } from '@vitrine/sdk'

/** What a share carries besides the membership. */
export interface Terms {
  message?: string | undefined
  endsAt?: Date | undefined
}

/** Instants on the wire have whole seconds. */
const second = (date: Date | null | undefined): number | undefined =>
  date === null || date === undefined ? undefined : Math.floor(date.getTime() / 1000)

/** Whether a share carries something else than is wanted; what is not said stays as it is. */
export const differs = (share: Pick<Share, 'message' | 'endsAt'>, { message, endsAt }: Terms): boolean =>
  (message !== undefined && share.message !== message) ||
  (endsAt !== undefined && second(share.endsAt) !== second(endsAt))

/**
 * Gives shares that are there already the message and the end that are wanted now.
 * @param projects ids
 * @returns those that were, or would be, changed
 */
export const changeTerms = async (
  image: Image,
  projects: readonly string[],
  terms: Terms,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<Set<string>> => {
  const changed = new Set<string>()
  if (projects.length === 0 || (terms.message === undefined && terms.endsAt === undefined)) return changed
  for await (const share of image.listShares({ signal })) {
    if (!projects.includes(share.projectId) || !differs(share, terms)) continue
    if (!dryRun) await share.update({ message: terms.message, endsAt: terms.endsAt }, { signal })
    changed.add(share.projectId)
  }
  return changed
}
