import { isZero, startsWith, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'

// https://learn.microsoft.com/en-us/windows/win32/vstor/about-vhd ("Virtual Hard Disk Image Format Specification")
const sectorBytes = 512
export const vhdFooterBytes = 512
const dynamicHeaderBytes = 1024
const fixed = 2
const dynamic = 3
const differencing = 4
const checksumAt = 64
const dynamicChecksumAt = 36
// The name of the parent, and behind it the locators: where on the host to look for it.
const parentNameAt = 64
const parentEnd = 768

// The largest geometry there is: it says that the size counts and not the geometry.
const noGeometryBytes = BigInt(65_535 * 16 * 255 * sectorBytes)

const damaged = 'their vhd header is damaged'

interface Footer {
  readonly type: number
  readonly currentSize: bigint
  /** What some programs take for the size instead. */
  readonly geometryBytes: bigint
  readonly dynamicHeaderAt: bigint
  readonly sound: boolean
}

/** The sum of all bytes but those of the sum itself, inverted. */
const isSummed = (bytes: Uint8Array, sumAt: number): boolean => {
  const sum = bytes.reduce((total, byte, at) => (at >= sumAt && at < sumAt + 4 ? total : total + byte), 0)
  return viewOf(bytes).getUint32(sumAt) === ~sum >>> 0
}

/** Works for the footer at the end and for its copy at the start of dynamic disks. */
const readFooter = (bytes: Uint8Array): Footer | undefined => {
  if (!startsWith(bytes, 'conectix') || bytes.byteLength < vhdFooterBytes) return undefined
  const footer = bytes.subarray(0, vhdFooterBytes)
  const view = viewOf(footer)
  return {
    type: view.getUint32(60),
    currentSize: view.getBigUint64(48),
    geometryBytes: BigInt(view.getUint16(56) * view.getUint8(58) * view.getUint8(59) * sectorBytes),
    dynamicHeaderAt: view.getBigUint64(16),
    sound: isSummed(footer, checksumAt),
  }
}

const judge = ({ type, currentSize, geometryBytes, sound }: Footer): Match => {
  if (!sound) return unsafe('vhd', damaged)
  if (type === differencing) return unsafe('vhd', 'they name a parent disk')
  if (geometryBytes > currentSize && geometryBytes !== noGeometryBytes) {
    return unsafe('vhd', 'their vhd header states two sizes')
  }
  return sized('vhd', currentSize)
}

/** Why the second header of a dynamic disk is not what it should be: it has the room to name a parent. */
const whyDynamicUnsafe = (head: Uint8Array, { dynamicHeaderAt, currentSize }: Footer): string | null => {
  if (dynamicHeaderAt < BigInt(vhdFooterBytes) || dynamicHeaderAt > BigInt(head.byteLength - dynamicHeaderBytes)) {
    return damaged
  }
  const at = Number(dynamicHeaderAt)
  const header = head.subarray(at, at + dynamicHeaderBytes)
  if (!startsWith(header, 'cxsparse') || !isSummed(header, dynamicChecksumAt)) return damaged
  if (!isZero(header.subarray(parentNameAt, parentEnd))) return 'they name a parent disk'
  const view = viewOf(header)
  const room = BigInt(view.getUint32(28)) * BigInt(view.getUint32(32))
  return room < currentSize ? damaged : null
}

/** Dynamic disks start with a copy of their footer. */
export const matchVhdHead = (head: Uint8Array): Match | undefined => {
  if (!startsWith(head, 'conectix')) return undefined
  const copy = readFooter(head)
  if (copy === undefined) return unsafe('vhd', 'their vhd header is cut off')
  if (copy.type !== dynamic && copy.type !== differencing) return unsafe('vhd', damaged)
  const found = judge(copy)
  if (found.unsafe !== null) return found
  const why = whyDynamicUnsafe(head, copy)
  return why === null ? found : unsafe('vhd', why)
}

/** Fixed disks are told by their footer alone; where both are there they must agree, for programs read either. */
export const checkVhdFooter = (
  atHead: Match | undefined,
  head: Uint8Array,
  tail: Uint8Array,
  sizeBytes: number,
): Match | undefined => {
  const footer = readFooter(tail.subarray(Math.max(0, tail.byteLength - vhdFooterBytes)))
  if (atHead === undefined) {
    if (footer === undefined) return undefined
    if (!footer.sound || footer.type !== fixed) return unsafe('vhd', 'their vhd footer is damaged')
    if (footer.currentSize > BigInt(sizeBytes - vhdFooterBytes))
      return unsafe('vhd', 'they are shorter than their size says')
    return judge(footer)
  }
  if (atHead.unsafe !== null || footer === undefined) return atHead
  const copy = readFooter(head)
  const agree = footer.sound && footer.type === copy?.type && footer.currentSize === copy.currentSize
  return agree ? atHead : unsafe('vhd', 'their vhd footer contradicts its copy')
}
