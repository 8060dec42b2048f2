/** For tests: the verdicts over bytes that are there whole, cut into chunks of a given size. */
import type { ContentVerdict } from '../data/content-check.ts'
import { type ContentCheckOptions, createContentCheck } from './check.ts'
import type { Finding } from './finding.ts'
import { createInspector } from './inspector.ts'

export function* cut(bytes: Uint8Array, ...sizes: readonly number[]): Iterable<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

export const findingOf = (bytes: Uint8Array, ...sizes: readonly number[]): Finding => {
  const inspector = createInspector()
  for (const chunk of cut(bytes, ...(sizes.length > 0 ? sizes : [65_536]))) inspector.push(chunk)
  return inspector.finish()
}

type Declared = Pick<ContentCheckOptions, 'diskFormat'> & Partial<ContentCheckOptions>

/** As an upload does it: refused as soon as that is certain. */
export const verdictOf = (bytes: Uint8Array, declared: Declared, ...sizes: readonly number[]): ContentVerdict => {
  const check = createContentCheck({ containerFormat: 'bare', enforce: true, virtualSizeLimitBytes: -1, ...declared })
  for (const chunk of cut(bytes, ...(sizes.length > 0 ? sizes : [65_536]))) {
    check.push(chunk)
    const why = check.refusal()
    if (why !== undefined) return { accepted: false, why }
  }
  return check.finish()
}
