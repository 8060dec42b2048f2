import { Session } from 'node:inspector/promises'

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

/** What ran since the last look: for each source file, a 1 for every character that was reached. */
export type Look = ReadonlyMap<string, Uint8Array>

/** Tells when a run reaches code that none before it reached. */
export interface Coverage {
  look(): Promise<Look>
  /** How many characters of source were never reached before. */
  fresh(look: Look): number
  learn(look: Look): void
  reached(): number
  close(): Promise<void>
}

/** Functions come before those inside of them, and so do blocks: what comes later is more exact. */
const coveredBy = (ranges: readonly Range[]): Uint8Array => {
  const covered = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)))
  for (const { startOffset, endOffset, count } of ranges) covered.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return covered
}

/** Watches the source files whose URL contains `part`, with the block coverage of V8. */
export const watchCoverage = async (part: string): Promise<Coverage> => {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const known = new Map<string, Uint8Array>()

  const knownOf = (url: string, length: number): Uint8Array => {
    const before = known.get(url) ?? new Uint8Array(0)
    if (before.length >= length) return before
    const larger = new Uint8Array(length)
    larger.set(before)
    known.set(url, larger)
    return larger
  }

  return {
    look: async () => {
      const { result } = await session.post('Profiler.takePreciseCoverage')
      const ours = result.filter(({ url }) => url.includes(part))
      return new Map(ours.map(({ url, functions }) => [url, coveredBy(functions.flatMap(({ ranges }) => ranges))]))
    },
    fresh: (look) => {
      let fresh = 0
      for (const [url, covered] of look) {
        const before = knownOf(url, covered.length)
        for (const [at, hit] of covered.entries()) if (hit === 1 && before[at] === 0) fresh++
      }
      return fresh
    },
    learn: (look) => {
      for (const [url, covered] of look) {
        const before = knownOf(url, covered.length)
        for (const [at, hit] of covered.entries()) if (hit === 1) before[at] = 1
      }
    },
    reached: () => [...known.values()].reduce((sum, bytes) => sum + bytes.reduce((total, byte) => total + byte, 0), 0),
    close: async () => {
      await session.post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}
