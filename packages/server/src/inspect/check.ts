import type { ContentCheck, ContentVerdict } from '../data/content-check.ts'
import type { Finding } from './finding.ts'
import { createInspector } from './inspector.ts'
import { type Declared, isInspected, judgeContent, whyArchiveRefused } from './rules.ts'

export interface ContentCheckOptions extends Declared {
  /** With false, what would be refused is accepted, with no word on the size of its disk. */
  readonly enforce: boolean
  /** The largest disk that bytes may state; -1 is unlimited. Holds even where mismatches are accepted. */
  readonly virtualSizeLimitBytes: number
}

/** The verdict over bytes that were looked at before, whole. */
export const verdictOn = (options: ContentCheckOptions, finding: Finding): ContentVerdict => {
  const { virtualSizeLimitBytes: limit } = options
  const verdict = judgeContent(options, finding)
  if (verdict.accepted) {
    const { virtualSizeBytes } = verdict
    if (limit === -1 || virtualSizeBytes === null || virtualSizeBytes <= limit) return verdict
    const why = `they state a disk of ${virtualSizeBytes} bytes, and ${limit} are allowed`
    return { accepted: false, why, limit: 'virtual_size' }
  }
  if (options.enforce) return verdict
  const { encryptedContent } = finding
  return { accepted: true, virtualSizeBytes: null, encryptedContent }
}

/** The inspector of one upload whose format is declared. */
export const createContentCheck = (options: ContentCheckOptions): ContentCheck => {
  const inspector = createInspector()
  // Only the end of a fixed vhd tells what it is.
  let headIsOpen = isInspected(options) && options.diskFormat !== 'vhd'
  let refusedAtHead: string | undefined

  /** Done once, when the head is there: the same for every way of cutting the bytes into chunks. */
  const judgeHead = (): void => {
    const finding = inspector.early()
    if (finding === undefined) return
    headIsOpen = false
    const verdict = judgeContent(options, finding)
    if (!verdict.accepted) refusedAtHead = verdict.why
  }

  return {
    push: (bytes) => {
      inspector.push(bytes)
      if (headIsOpen) judgeHead()
    },
    refusal: () => {
      if (!options.enforce) return undefined
      return refusedAtHead ?? whyArchiveRefused(options.containerFormat, inspector.archive()) ?? undefined
    },
    finish: () => {
      const finding = inspector.finish()
      if (refusedAtHead !== undefined && options.enforce) return { accepted: false, why: refusedAtHead }
      return verdictOn(options, finding)
    },
  }
}

/** A check that judges nothing yet, for bytes that come before it is known what they should be. */
export const createRecordingCheck = (): ContentCheck & { finding(): Finding | undefined } => {
  const inspector = createInspector()
  let found: Finding | undefined
  return {
    push: inspector.push,
    refusal: () => undefined,
    finish: () => {
      found = inspector.finish()
      return { accepted: true, virtualSizeBytes: null, encryptedContent: found.encryptedContent }
    },
    finding: () => found,
  }
}
