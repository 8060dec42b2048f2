import type { OnProgress, Progress } from '@vitrine/sdk'
import { type Invocation, type Output, write } from './context.ts'
import { displayWidth, fitted } from './text.ts'
import { formatBytes, formatDuration } from './units.ts'

const windowMs = 5000

/**
 * Bytes per second over the last five seconds, so that a pause or a faster network shows soon.
 * @returns undefined until there is a stretch of time to tell from
 */
export const createRateMeter = (now: () => number): ((transferredBytes: number) => number | undefined) => {
  // What an earlier attempt has brought is no part of the rate: it starts from the first that is told.
  const samples: { at: number; bytes: number }[] = []
  return (transferredBytes) => {
    const latest = { at: now(), bytes: transferredBytes }
    samples.push(latest)
    // The oldest one kept is the last that is at least a whole window away.
    while (samples.length > 2 && latest.at - (samples[1]?.at ?? latest.at) >= windowMs) samples.shift()
    const oldest = samples[0] ?? latest
    const elapsedMs = latest.at - oldest.at
    return elapsedMs <= 0 ? undefined : ((latest.bytes - oldest.bytes) / elapsedMs) * 1000
  }
}

/** Seconds left at that rate; undefined when there is no telling. */
export const secondsLeft = (
  { transferredBytes, totalBytes }: Progress,
  bytesPerSecond: number | undefined,
): number | undefined =>
  totalBytes === undefined || bytesPerSecond === undefined || bytesPerSecond <= 0
    ? undefined
    : Math.max(0, totalBytes - transferredBytes) / bytesPerSecond

/** `  42 %  1.2 GiB of 2.9 GiB  85 MiB/s  20 s left` */
export const progressLine = (progress: Progress, bytesPerSecond: number | undefined): string => {
  const { transferredBytes, totalBytes } = progress
  const parts: string[] = []
  if (totalBytes === undefined) parts.push(formatBytes(transferredBytes))
  else {
    // Rounded down: 100 % is said when all of it is there.
    const percent = totalBytes === 0 ? 100 : Math.floor((transferredBytes / totalBytes) * 100)
    parts.push(`${String(percent).padStart(3)} %`, `${formatBytes(transferredBytes)} of ${formatBytes(totalBytes)}`)
  }
  if (bytesPerSecond !== undefined) parts.push(`${formatBytes(bytesPerSecond)}/s`)
  const left = secondsLeft(progress, bytesPerSecond)
  if (left !== undefined && transferredBytes !== totalBytes) parts.push(`${formatDuration(left)} left`)
  return parts.join('  ')
}

const redrawMs = 100
const shortestLabel = 12

export interface ProgressDisplay {
  onProgress: OnProgress | undefined
  /** Takes the line away; what follows is written in its place. */
  end(): Promise<void>
}

const drawOn = (talk: Output, now: () => number, label: string): ProgressDisplay => {
  const rate = createRateMeter(now)
  let drawnAt = Number.NEGATIVE_INFINITY
  const onProgress: OnProgress = (progress) => {
    const at = now()
    if (at - drawnAt < redrawMs && progress.transferredBytes !== progress.totalBytes) return
    drawnAt = at
    const told = progressLine(progress, rate(progress.transferredBytes))
    // A line that wraps could not be overwritten any more, and what is told counts more than what it is told of.
    const width = talk.columns() - 1
    const shown = fitted(`${fitted(label, Math.max(shortestLabel, width - displayWidth(told) - 2))}  ${told}`, width)
    talk.stream.write(`\r${shown}\u001b[K`)
  }
  const end = () => (drawnAt === Number.NEGATIVE_INFINITY ? Promise.resolve() : write(talk, '\r\u001b[K'))
  return { onProgress, end }
}

/** Shows how a transfer goes on; only on a terminal that can redraw a line. */
export const showProgress = (invocation: Invocation, label: string, wanted = true): ProgressDisplay => {
  const { talk, environment, now } = invocation
  return wanted && talk.isTerminal && environment.TERM !== 'dumb'
    ? drawOn(talk, now, label)
    : { onProgress: undefined, end: () => Promise.resolve() }
}
