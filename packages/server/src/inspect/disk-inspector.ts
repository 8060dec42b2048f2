import type { DiskFinding, Match } from './finding.ts'
import { matchQcow } from './qcow2.ts'
import { isoHeadBytes, matchIso, matchLuks, matchPartitions, matchPloop, matchQed, matchVdi } from './simple-formats.ts'
import { checkVhdFooter, matchVhdHead } from './vhd.ts'
import { readVhdx, type VhdxReading } from './vhdx.ts'
import { checkVmdkFooter, createDescriptorWatch, matchVmdk, vmdkTailBytes } from './vmdk.ts'
import { createWindows } from './windows.ts'

// Long enough for every mark but those of vhdx further on and of footers: the longest are an ISO's descriptors and the
// longest vmdk descriptor that is accepted, behind its header.
const headBytes = Math.max(isoHeadBytes, 129 * 512)
const tailBytes = vmdkTailBytes

/**
 * Looks at bytes on their way and tells what they are. It looks for the marks of every format, whatever the image is
 * said to be, since other programs will guess as well. It keeps a head, a tail and at most one table: about 200 KiB.
 */
export interface DiskInspector {
  push(chunk: Uint8Array): void
  /** What the head of the bytes shows, once it is there. The rest may still add to it and may find it unsafe. */
  early(): DiskFinding | undefined
  /** To be called once, after the last byte. The same bytes give the same finding in whatever chunks they came. */
  finish(): DiskFinding
}

const headMatchers = [
  matchQcow,
  matchVmdk,
  matchVhdHead,
  matchVdi,
  matchPloop,
  matchIso,
  matchPartitions,
  matchLuks,
  matchQed,
]

const createTail = () => {
  const kept = Buffer.alloc(tailBytes)
  let filled = 0
  return {
    push: (chunk: Uint8Array): void => {
      const last = chunk.subarray(Math.max(0, chunk.byteLength - tailBytes))
      const keep = Math.min(filled, tailBytes - last.byteLength)
      kept.copyWithin(0, filled - keep, filled)
      kept.set(last, keep)
      filled = keep + last.byteLength
    },
    bytes: (): Uint8Array => kept.subarray(0, filled),
  }
}

export const createDiskInspector = (): DiskInspector => {
  const tail = createTail()
  const descriptor = createDescriptorWatch()
  let sizeBytes = 0
  let head: Uint8Array = new Uint8Array(0)
  let headMatches: readonly Match[] | undefined
  let vhdx: VhdxReading | undefined

  const takeHead = (bytes: Uint8Array) => {
    head = bytes
    headMatches = headMatchers.map((match) => match(bytes)).filter((match) => match !== undefined)
    vhdx = readVhdx(bytes)
    return vhdx?.windows ?? []
  }
  const windows = createWindows([{ start: 0, length: headBytes, take: takeHead }])

  return {
    push: (chunk) => {
      sizeBytes += chunk.byteLength
      tail.push(chunk)
      descriptor.push(chunk)
      windows.push(chunk)
    },
    early: () => {
      if (headMatches === undefined) return undefined
      // What a vhdx holds is not known yet; that it is one is.
      const matches =
        vhdx === undefined
          ? headMatches
          : [...headMatches, { format: 'vhdx', virtualSizeBytes: null, unsafe: null } as const]
      return { sizeBytes, matches }
    },
    finish: () => {
      windows.finish()
      const vhdHead = headMatches?.find(({ format }) => format === 'vhd')
      const vhd = checkVhdFooter(vhdHead, head, tail.bytes(), sizeBytes)
      const others = (headMatches ?? [])
        .filter(({ format }) => format !== 'vhd')
        .map((match) => checkVmdkFooter(match, head, tail.bytes(), sizeBytes))
      const bare = others.some(({ format }) => format === 'vmdk') ? undefined : descriptor.found()
      return {
        sizeBytes,
        matches: [...others, bare, vhd, vhdx?.result()].filter((match) => match !== undefined),
      }
    },
  }
}
