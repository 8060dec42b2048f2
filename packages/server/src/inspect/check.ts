import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ContentCheck, ContentVerdict } from '../data/content-check.ts'
import { createInspector } from './inspector.ts'
import { isInspected, judgeContent } from './rules.ts'

export interface ContentCheckOptions {
  readonly diskFormat: DiskFormat
  readonly containerFormat: ContainerFormat
  /** With false, what would be refused is accepted with a warning. */
  readonly enforce: boolean
}

const uninspected = (options: ContentCheckOptions): ContentCheck => {
  let sizeBytes = 0
  return {
    push: (bytes) => {
      sizeBytes += bytes.byteLength
    },
    refusal: () => undefined,
    finish: () => judgeContent(options, { sizeBytes, matches: [] }),
  }
}

const asWarning = (verdict: ContentVerdict): ContentVerdict =>
  verdict.accepted ? verdict : { accepted: true, virtualSizeBytes: null, warning: verdict.why }

/** The inspector of one upload. */
export const createContentCheck = (options: ContentCheckOptions): ContentCheck => {
  if (!isInspected(options)) return uninspected(options)
  const inspector = createInspector()
  let headJudged = false
  let refusedAtHead: string | undefined

  /** Done once, when the head is there: the same for every way of cutting the bytes into chunks. */
  const judgeHead = (): void => {
    const finding = inspector.early()
    if (finding === undefined) return
    headJudged = true
    // Only the end of a fixed vhd tells what it is.
    if (options.diskFormat === 'vhd') return
    const verdict = judgeContent(options, finding)
    if (!verdict.accepted) refusedAtHead = verdict.why
  }

  return {
    push: (bytes) => {
      inspector.push(bytes)
      if (!headJudged) judgeHead()
    },
    refusal: () => (options.enforce ? refusedAtHead : undefined),
    finish: () => {
      const finding = inspector.finish()
      const verdict: ContentVerdict =
        refusedAtHead !== undefined ? { accepted: false, why: refusedAtHead } : judgeContent(options, finding)
      return options.enforce ? verdict : asWarning(verdict)
    },
  }
}
