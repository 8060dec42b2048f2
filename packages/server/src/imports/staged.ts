import type { BytesFacts } from '../data/rules.ts'
import type { Finding } from '../inspect/finding.ts'

/** What is kept of staged bytes until they are imported. */
export interface StagedContent {
  readonly bytes: BytesFacts
  /** Everything that they can be taken for: what the image is said to be may not be known yet. */
  readonly finding: Finding
}

export const writeStaged = (content: StagedContent): string => JSON.stringify(content)

/** @param text as `writeStaged` wrote it */
export const readStaged = (text: string): StagedContent => JSON.parse(text)
