import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ContentCheck } from '../data/content-check.ts'
import { createEncryptedContent } from './encrypted-content.ts'
import { createInspector } from './inspector.ts'
import { isInspected, type Judgement, judgeContent } from './rules.ts'

export interface ContentCheckOptions {
  readonly diskFormat: DiskFormat
  readonly containerFormat: ContainerFormat
  /** With false, what would be refused is accepted with a warning. */
  readonly enforce: boolean
}

/** A check that leaves open whether what it sees is encrypted. */
interface Judged extends Omit<ContentCheck, 'finish'> {
  finish(): Judgement
}

const uninspected = (options: ContentCheckOptions): Judged => {
  let sizeBytes = 0
  return {
    push: (bytes) => {
      sizeBytes += bytes.byteLength
    },
    refusal: () => undefined,
    finish: () => judgeContent(options, { sizeBytes, matches: [] }),
  }
}

const asWarning = (verdict: Judgement): Judgement =>
  verdict.accepted ? verdict : { accepted: true, virtualSizeBytes: null, warning: verdict.why }

/** The inspector of one upload. */
export const createContentCheck = (options: ContentCheckOptions): ContentCheck => {
  const check = isInspected(options) ? inspected(options) : uninspected(options)
  const encrypted = createEncryptedContent()
  return {
    push: (bytes) => {
      encrypted.push(bytes)
      check.push(bytes)
    },
    refusal: check.refusal,
    finish: () => {
      const verdict = check.finish()
      return verdict.accepted ? { ...verdict, encryptedContent: encrypted.found() } : verdict
    },
  }
}

const inspected = (options: ContentCheckOptions): Judged => {
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
      const verdict: Judgement =
        refusedAtHead !== undefined ? { accepted: false, why: refusedAtHead } : judgeContent(options, finding)
      return options.enforce ? verdict : asWarning(verdict)
    },
  }
}
