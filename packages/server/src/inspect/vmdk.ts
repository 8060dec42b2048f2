import { startsWith, textAt, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'

// https://www.vmware.com/app/vmdk/?src=vmdk
const sectorBytes = 512
const headerBytes = 512
// Programs read the descriptor here whatever the header says, so it may be nowhere else.
const descriptorSector = 1n
const maxDescriptorSectors = 128n
// Some programs read this many sectors of it whatever the header says.
const readAnywaySectors = 20n
const directoryAtEnd = 0xffff_ffff_ffff_ffffn
const allowedTypes: ReadonlySet<string> = new Set(['monolithicSparse', 'streamOptimized'])

/** How many bytes at the end a footer takes: a marker, the footer and the end of the stream. */
export const vmdkTailBytes = 3 * sectorBytes

/** What a program takes for a descriptor when it must guess. One that stands alone names other files as its extents. */
const isBareDescriptor = (head: Uint8Array): boolean => {
  if (head[0] !== 0x23) return false
  const lines = textAt(head, 0, 2048).split(/\r?\n/)
  const first = lines.find((line) => !line.startsWith('#') && line.trim() !== '')
  return /^#\s*disk descriptorfile/i.test(lines[0] ?? '') || /^version\s*=\s*[1-3]\s*$/i.test(first ?? '')
}

const bareDescriptor = unsafe('vmdk', 'they are a vmdk descriptor without a disk')

/** @param area where the descriptor stands, with what is behind its end: not every program stops there */
const whyDescriptorUnsafe = (area: string): string | null => {
  // Programs look for words anywhere, comments included, so each may stand there only once.
  if (area.split(/createType/i).length !== 2) return 'their vmdk descriptor does not state one type'
  if (/parentFileNameHint/i.test(area)) return 'they name a parent file'
  const lines = area.split(/[\r\n\0]+/).map((line) => line.trim())
  const [, type = ''] =
    lines.map((line) => /^createType\s*=\s*"(\w+)"$/.exec(line)).find((found) => found !== null) ?? []
  if (!allowedTypes.has(type)) return 'they are vmdk of another type than monolithicSparse and streamOptimized'
  const extents = lines.filter((line) => /^(?:RW|RDONLY|NOACCESS)\s/i.test(line))
  if (extents.length > 1) return 'their vmdk descriptor names several extents'
  const foreign = extents.find((line) => !/^\w+\s+\d+\s+SPARSE\s+"[^"/\\]+"$/i.test(line))
  return foreign === undefined ? null : 'their vmdk descriptor names other files'
}

const descriptorArea = (head: Uint8Array, descriptorSectors: bigint): string => {
  const sectors = descriptorSectors > readAnywaySectors ? descriptorSectors : readAnywaySectors
  return textAt(head, sectorBytes, sectorBytes + Number(sectors) * sectorBytes)
}

export const matchVmdk = (head: Uint8Array): Match | undefined => {
  if (startsWith(head, 'COWD')) return unsafe('vmdk', 'they are vmdk of an old type that is not allowed')
  if (isBareDescriptor(head)) return bareDescriptor
  if (!startsWith(head, 'KDMV')) return undefined
  if (head.byteLength < headerBytes) return unsafe('vmdk', 'their vmdk header is cut off')
  const header = viewOf(head)
  const version = header.getUint32(4, true)
  if (version < 1 || version > 3) return unsafe('vmdk', `they are vmdk of the unknown version ${version}`)
  const capacity = header.getBigUint64(12, true)
  const descriptorSectors = header.getBigUint64(36, true)
  if (capacity === 0n) return unsafe('vmdk', 'their vmdk header states no size')
  if (header.getBigUint64(28, true) !== descriptorSector || descriptorSectors === 0n) {
    return unsafe('vmdk', 'their vmdk descriptor is not where it belongs')
  }
  if (descriptorSectors > maxDescriptorSectors) return unsafe('vmdk', 'their vmdk descriptor is too long')
  const why = whyDescriptorUnsafe(descriptorArea(head, descriptorSectors))
  return why === null ? sized('vmdk', capacity * BigInt(sectorBytes)) : unsafe('vmdk', why)
}

/** Where the header points to the end of the file, programs read a second header there and believe that one. */
export const checkVmdkFooter = (found: Match, head: Uint8Array, tail: Uint8Array, sizeBytes: number): Match => {
  if (found.format !== 'vmdk' || found.unsafe !== null) return found
  const header = viewOf(head)
  if (header.getBigUint64(56, true) !== directoryAtEnd) return found
  // Programs disagree about where the footer of a file of broken sectors is.
  if (tail.byteLength < vmdkTailBytes || sizeBytes % sectorBytes !== 0) return unsafe('vmdk', 'their end is missing')
  const footer = tail.subarray(sectorBytes, 2 * sectorBytes)
  if (!startsWith(footer, 'KDMV')) return unsafe('vmdk', 'their end is missing')
  const view = viewOf(footer)
  const same = [12, 28, 36].every((at) => view.getBigUint64(at, true) === header.getBigUint64(at, true))
  return same ? found : unsafe('vmdk', 'their vmdk footer contradicts the header')
}

// As much of a file as programs read that were told that it is vmdk.
const descriptorBytes = 2 ** 20
// Longer than what is looked for, so that nothing is lost between two chunks.
const overlapBytes = 64

/** Watches for a descriptor that does not start like one: it is text to its first zero byte, with a type and an extent. */
export interface DescriptorWatch {
  push(chunk: Uint8Array): void
  found(): Match | undefined
}

export const createDescriptorWatch = (): DescriptorWatch => {
  let seenBytes = 0
  let before = '\n'
  let hasType = false
  let hasExtent = false
  let ended = false
  return {
    push: (chunk) => {
      if (ended) return
      const piece = chunk.subarray(0, descriptorBytes - seenBytes)
      const zero = piece.indexOf(0)
      seenBytes += piece.byteLength
      ended = zero !== -1 || seenBytes === descriptorBytes
      const text = before + textAt(piece, 0, zero === -1 ? piece.byteLength : zero)
      hasType ||= /createType/i.test(text)
      hasExtent ||= /\s(?:RW|RDONLY|NOACCESS)\s/i.test(text)
      before = text.slice(-overlapBytes)
    },
    found: () => (hasType && hasExtent ? bareDescriptor : undefined),
  }
}
