import { startsWith, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'

// https://learn.microsoft.com/en-us/windows/win32/vstor/about-vhd ("Virtual Hard Disk Image Format Specification")
export const vhdFooterBytes = 512
const fixed = 2
const dynamic = 3
const differencing = 4
const checksumAt = 64

interface Footer {
  readonly type: number
  readonly currentSize: bigint
  readonly sound: boolean
}

/** Works for the footer at the end and for its copy at the start of dynamic disks. */
const readFooter = (bytes: Uint8Array): Footer | undefined => {
  if (!startsWith(bytes, 'conectix') || bytes.byteLength < vhdFooterBytes) return undefined
  const footer = bytes.subarray(0, vhdFooterBytes)
  const view = viewOf(footer)
  const sum = footer.reduce((total, byte, at) => (at >= checksumAt && at < checksumAt + 4 ? total : total + byte), 0)
  return {
    type: view.getUint32(60),
    currentSize: view.getBigUint64(48),
    sound: view.getUint32(checksumAt) === ~sum >>> 0,
  }
}

const judge = ({ type, currentSize, sound }: Footer): Match => {
  if (!sound) return unsafe('vhd', 'their vhd header is damaged')
  if (type === differencing) return unsafe('vhd', 'they name a parent disk')
  return sized('vhd', currentSize)
}

/** Dynamic disks start with a copy of their footer. */
export const matchVhdHead = (head: Uint8Array): Match | undefined => {
  if (!startsWith(head, 'conectix')) return undefined
  const copy = readFooter(head)
  if (copy === undefined) return unsafe('vhd', 'their vhd header is cut off')
  if (copy.type !== dynamic && copy.type !== differencing) return unsafe('vhd', 'their vhd header is damaged')
  return judge(copy)
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
    if (footer === undefined || !footer.sound || footer.type !== fixed) return undefined
    if (footer.currentSize > BigInt(sizeBytes - vhdFooterBytes))
      return unsafe('vhd', 'they are shorter than their size says')
    return judge(footer)
  }
  if (atHead.unsafe !== null || footer === undefined) return atHead
  const copy = readFooter(head)
  const agree = footer.sound && footer.type === copy?.type && footer.currentSize === copy.currentSize
  return agree ? atHead : unsafe('vhd', 'their vhd footer contradicts its copy')
}
