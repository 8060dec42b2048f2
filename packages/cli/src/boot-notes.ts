import type { BootAnswer, Image, InboxItem } from '@vitrine/sdk'
import { type Invocation, say } from './context.ts'
import { imageLabel } from './image-label.ts'
import { printable } from './text.ts'

/** Why it cannot boot, and what to do about it, as one line; undefined when it can. */
export const denialOf = ({ canBoot, reasons }: Pick<BootAnswer, 'canBoot' | 'reasons'>): string | undefined => {
  if (canBoot) return undefined
  const denials = reasons.filter(({ effect }) => effect === 'denies')
  return denials.map(({ text, next }) => printable(next === null ? text : `${text} ${next}`)).join(' ')
}

const maxTold = 10

/** Gathers the shares of an inbox that cannot boot in the own project, to say so in the end. */
export const createDenialNotes = (): {
  see(item: InboxItem): void
  /** @returns how many cannot boot */
  tell(invocation: Invocation): Promise<number>
} => {
  const notes: string[] = []
  return {
    see: (item) => {
      const denial = item.kind === 'share' && item.canBoot !== null ? denialOf(item.canBoot) : undefined
      if (item.kind !== 'share' || denial === undefined) return
      notes.push(`Note: ${imageLabel(item.image)} cannot boot in your project: ${denial}`)
    },
    tell: async (invocation) => {
      for (const note of notes.slice(0, maxTold)) await say(invocation, note)
      if (notes.length > maxTold) await say(invocation, `Note: ${notes.length - maxTold} more cannot boot, either.`)
      return notes.length
    },
  }
}

const atOnce = 8
/** Of more projects, the first ones tell enough. */
const maxProjects = 64
const maxNamed = 3

const named = (projects: readonly string[]): string =>
  projects.length > maxNamed ? `${projects.length} projects` : projects.map(printable).join(', ')

/**
 * Says on the side why projects could not boot an image that is shared with them. It is advice: where it cannot be had,
 * nothing is said.
 * @param leaveOut names of rules that are not to be told
 * @returns whether there was something to say
 */
export const noteDenials = async (
  invocation: Invocation,
  image: Image,
  projects: readonly string[],
  leaveOut: readonly string[] = [],
): Promise<boolean> => {
  const { signal } = invocation
  const byDenial = new Map<string, string[]>()
  const ask = async (project: string): Promise<void> => {
    const { reasons } = await image.canBoot({ project, ifShared: true }, { signal })
    const told = reasons.filter(({ rule, effect }) => effect === 'denies' && !leaveOut.includes(rule))
    const denial = denialOf({ canBoot: told.length === 0, reasons: told })
    if (denial !== undefined) byDenial.set(denial, [...(byDenial.get(denial) ?? []), project])
  }
  const asked = projects.slice(0, maxProjects)
  try {
    for (let at = 0; at < asked.length; at += atOnce) await Promise.all(asked.slice(at, at + atOnce).map(ask))
  } catch {
    signal.throwIfAborted()
  }
  for (const [denial, concerned] of byDenial) {
    await say(invocation, `Note: ${named(concerned)} cannot boot it: ${denial}`)
  }
  return byDenial.size > 0
}

/** The same for an image that the own project has got. */
export const noteOwnDenial = async (invocation: Invocation, image: Image): Promise<void> => {
  const { signal } = invocation
  try {
    const denial = denialOf(await image.canBoot({}, { signal }))
    if (denial !== undefined) await say(invocation, `Note: it cannot boot in your project: ${denial}`)
  } catch {
    signal.throwIfAborted()
  }
}
