import type { Cause } from '../events/events.ts'
import type { KeyUseRecord } from './key-events.ts'

/** A machine that boots reads its image in thousands of pieces: that is one use of the key, and not a line for each. */
export interface KeyRepeats {
  /** Whether the same user did the same to the same image a moment ago, with the same end; from now on, somebody has. */
  isRepeat(cause: Cause, use: KeyUseRecord): boolean
}

/** How long a use stands for those like it. */
const quietMs = 60_000
const keptMax = 10_000

/** What an image is opened with again and again, and what anybody can be refused as often as they like. */
const isCounted = ({ type, outcome }: KeyUseRecord): boolean => type === 'key.open' || outcome === 'refused'

export const createKeyRepeats = (now: () => number): KeyRepeats => {
  const since = new Map<string, number>()
  return {
    isRepeat: ({ projectId, userId }, use) => {
      if (!isCounted(use)) return false
      const name = JSON.stringify([use.type, use.key.id, use.imageId, use.granteeId, use.outcome, projectId, userId])
      const before = since.get(name)
      if (before !== undefined && now() - before < quietMs) return true
      since.delete(name)
      const [oldest] = since.size < keptMax ? [] : since.keys()
      if (oldest !== undefined) since.delete(oldest)
      since.set(name, now())
      return false
    },
  }
}
