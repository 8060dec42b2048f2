import type { Outcome } from '../data/expectation.ts'
import type { HashAlgorithm } from '../data/hashing.ts'
import type { BytesFacts } from '../data/rules.ts'
import { type Finding, readFinding, writeFinding } from '../inspect/finding.ts'

/** What is kept of staged bytes until they are imported. */
export interface StagedContent {
  readonly bytes: BytesFacts
  readonly digests: Outcome['digests']
  /** The signature that was checked over them. */
  readonly signature: string
  /**
   * Everything that they can be taken for: what the image is said to be may not be known yet. Undefined when another version
   * of the service looked at them.
   */
  readonly finding: Finding | undefined
}

export const writeStaged = (
  bytes: BytesFacts & Pick<Outcome, 'digests'>,
  finding: Finding,
  signature: string,
): string => JSON.stringify({ bytes, digests: [...bytes.digests], finding: writeFinding(finding), signature })

/** @param text as `writeStaged` wrote it */
export const readStaged = (text: string): StagedContent => {
  const kept: Omit<StagedContent, 'digests' | 'finding'> & { digests: [HashAlgorithm, string][]; finding: string } =
    JSON.parse(text)
  return { ...kept, digests: new Map(kept.digests), finding: readFinding(kept.finding) }
}
