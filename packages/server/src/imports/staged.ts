import type { BytesFacts } from '../data/rules.ts'
import { type Finding, readFinding, writeFinding } from '../inspect/finding.ts'

/** What is kept of staged bytes until they are imported. */
export interface StagedContent {
  readonly bytes: BytesFacts
  /**
   * Everything that they can be taken for: what the image is said to be may not be known yet. Undefined when another version
   * of the service looked at them.
   */
  readonly finding: Finding | undefined
}

export const writeStaged = (bytes: BytesFacts, finding: Finding): string =>
  JSON.stringify({ bytes, finding: writeFinding(finding) })

/** @param text as `writeStaged` wrote it */
export const readStaged = (text: string): StagedContent => {
  const { bytes, finding }: { bytes: BytesFacts; finding: string } = JSON.parse(text)
  return { bytes, finding: readFinding(finding) }
}
