import { cpuSeconds } from './process-usage.ts'

/** Something that is measured in turn with others. */
export interface Contestant {
  readonly name: string
  /** The process that does the work; null: another one each time, whose processor time nobody asks for. */
  readonly pid: number | null
  /** Works for a while. */
  readonly run: (durationMs: number) => Promise<{ readonly count: number; readonly seconds: number }>
}

export interface Sample {
  readonly perSecond: number
  /** Seconds of a core that one unit of work costs the process; NaN where the system does not tell. */
  readonly cpuSecondsEach: number
  /** The part of one core that the process had: well below 1, the client or somebody else was in its way. */
  readonly busy: number
}

/** Contestants by name, each with its sample of every round. */
export type Samples = ReadonlyMap<string, readonly Sample[]>

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = sorted.length % 2 === 1 ? [middle, middle] : [middle - 1, middle]
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2
}

/** The value that so large a part of the values does not exceed. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

const sample = async ({ pid, run }: Contestant, durationMs: number): Promise<Sample> => {
  const used = (): number => (pid === null ? undefined : cpuSeconds(pid)) ?? Number.NaN
  const cpuBefore = used()
  const { count, seconds } = await run(durationMs)
  const cpu = used() - cpuBefore
  return { perSecond: count / seconds, cpuSecondsEach: cpu / count, busy: cpu / seconds }
}

/**
 * Lets contestants work in turn, there and back again, so that what changes on the machine meanwhile meets all alike.
 * Each warms up first.
 */
export const takeTurns = async (
  contestants: readonly Contestant[],
  { warmUpMs, rounds, roundMs }: { warmUpMs: number; rounds: number; roundMs: number },
): Promise<Samples> => {
  for (const contestant of contestants) await contestant.run(warmUpMs)
  const samples = new Map(contestants.map(({ name }) => [name, [] as Sample[]]))
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      samples.get(contestant.name)?.push(await sample(contestant, roundMs))
    }
  }
  return samples
}

const of = (samples: Samples, name: string): readonly Sample[] => {
  const found = samples.get(name)
  if (found === undefined) throw new RangeError(`${name} was not measured.`)
  return found
}

export const medianOf = (samples: Samples, name: string, field: keyof Sample): number =>
  median(of(samples, name).map((one) => one[field]))

/** How many times as much the first does as the second in the same time, round by round. */
const ratiosOf = (samples: Samples, first: string, second: string): readonly number[] => {
  const others = of(samples, second)
  return of(samples, first).map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN))
}

/** The median of these ratios. */
export const ratioOf = (samples: Samples, first: string, second: string): number =>
  median(ratiosOf(samples, first, second))

/** From the smallest to the largest of these ratios: wide, where other programs were at work. */
export const rangeOf = (samples: Samples, first: string, second: string): string => {
  const each = ratiosOf(samples, first, second)
  return `${each.length} rounds from ${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`
}

/** How many times as much the first does as the second for the same time of the processor. */
export const cpuRatioOf = (samples: Samples, first: string, second: string): number =>
  medianOf(samples, second, 'cpuSecondsEach') / medianOf(samples, first, 'cpuSecondsEach')

export const percent = (part: number): string => (Number.isNaN(part) ? 'unknown' : `${Math.round(part * 100)} %`)

const saturated = 0.9

/**
 * The ratio of two servers that could each use up their core. By the clock, if they did. Where one was held back, by the
 * clients or by other work on the machine, the clock would compare what held them back: then by processor time.
 */
export const saturatedRatio = (
  samples: Samples,
  first: string,
  second: string,
): { readonly ratio: number; readonly note: string } => {
  const byClock = ratioOf(samples, first, second)
  const byCpu = cpuRatioOf(samples, first, second)
  const held = [first, second].filter((name) => medianOf(samples, name, 'busy') < saturated)
  const work = [first, second].map((name) => {
    const microseconds = medianOf(samples, name, 'cpuSecondsEach') * 1e6
    return `${name} ${percent(medianOf(samples, name, 'busy'))} busy, ${microseconds.toFixed(1)} µs each`
  })
  const both = `ratio by the clock ${byClock.toFixed(2)}, by processor time ${byCpu.toFixed(2)}`
  const why =
    held.length === 0 ? 'the clock counts' : `${held.join(' and ')} had no full core, so processor time counts`
  return { ratio: held.length === 0 ? byClock : byCpu, note: `${work.join('; ')}; ${both}: ${why}` }
}
