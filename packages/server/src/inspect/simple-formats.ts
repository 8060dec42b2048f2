/** Formats that a few bytes tell. */
import { isZero, startsWith, viewOf } from './bytes.ts'
import { type Match, safe, sized, unsafe } from './finding.ts'

// VirtualBox's VDICore.h
const vdiSignatureAt = 0x40
const vdiHeaderBytes = 0x1c8
const vdiVersion = 0x0001_0001
const vdiDynamic = 1
const vdiStatic = 2

export const matchVdi = (head: Uint8Array): Match | undefined => {
  if (head.byteLength < vdiSignatureAt + 4) return undefined
  const header = viewOf(head)
  if (header.getUint32(vdiSignatureAt, true) !== 0xbeda107f) return undefined
  if (head.byteLength < vdiHeaderBytes) return unsafe('vdi', 'their vdi header is cut off')
  if (header.getUint32(0x44, true) !== vdiVersion) return unsafe('vdi', 'they are vdi of an unknown version')
  const type = header.getUint32(0x4c, true)
  if (type !== vdiDynamic && type !== vdiStatic) return unsafe('vdi', 'they are a part of a disk that needs its parent')
  const links = head.subarray(0x1a8, 0x1c8)
  if (!isZero(links)) return unsafe('vdi', 'they name a parent disk')
  const size = header.getBigUint64(0x170, true)
  const room = BigInt(header.getUint32(0x178, true)) * BigInt(header.getUint32(0x180, true))
  return room < size ? unsafe('vdi', 'their vdi header states two sizes') : sized('vdi', size)
}

// ECMA-119: volume descriptors in sectors of 2048 bytes from the 16th on, ended by one of type 255.
const isoSectorBytes = 2048
const isoFirstSector = 16

/** How many bytes at the start are looked at for the descriptor that states the size. */
export const isoHeadBytes = (isoFirstSector + 18) * isoSectorBytes

export const matchIso = (head: Uint8Array): Match | undefined => {
  for (let at = isoFirstSector * isoSectorBytes; at + isoSectorBytes <= isoHeadBytes; at += isoSectorBytes) {
    const first = at === isoFirstSector * isoSectorBytes
    if (!startsWith(head, 'CD001', at + 1)) return first ? undefined : safe('iso', null)
    if (head.byteLength < at + isoSectorBytes) return unsafe('iso', 'their iso descriptor is cut off')
    if (head[at] === 255) return safe('iso', null)
    if (head[at] !== 1) continue
    const descriptor = viewOf(head.subarray(at, at + isoSectorBytes))
    return safe('iso', descriptor.getUint32(80, true) * descriptor.getUint16(128, true))
  }
  return safe('iso', null)
}

const partitionTableAt = 446
const partitionEntryBytes = 16

/** The boot signature alone says little; the four entries must also make sense. */
const isMbr = (head: Uint8Array): boolean => {
  if (head.byteLength < 512 || head[510] !== 0x55 || head[511] !== 0xaa) return false
  const entries = [0, 1, 2, 3].map((index) => partitionTableAt + index * partitionEntryBytes)
  return entries.every((at) => head[at] === 0 || head[at] === 0x80) && entries.some((at) => head[at + 4] !== 0)
}

export const matchPartitions = (head: Uint8Array): Match | undefined => {
  // The table stands in the second sector, of 512 or of 4096 bytes.
  if (startsWith(head, 'EFI PART', 512) || startsWith(head, 'EFI PART', 4096)) return safe('gpt', null)
  return isMbr(head) ? safe('mbr', null) : undefined
}

export const matchLuks = (head: Uint8Array): Match | undefined =>
  startsWith(head, 'LUKS\xba\xbe') ? safe('luks', null) : undefined

// https://github.com/qemu/qemu/blob/master/docs/interop/parallels.txt
const ploopMarks = ['WithoutFreeSpace', 'WithouFreSpacExt'] as const
const ploopHeaderBytes = 64
const ploopVersion = 2

export const matchPloop = (head: Uint8Array): Match | undefined => {
  const mark = ploopMarks.find((text) => startsWith(head, text))
  if (mark === undefined) return undefined
  if (head.byteLength < ploopHeaderBytes) return unsafe('ploop', 'their ploop header is cut off')
  const header = viewOf(head)
  if (header.getUint32(16, true) !== ploopVersion) return unsafe('ploop', 'they are ploop of an unknown version')
  const blockSectors = header.getUint32(28, true)
  // Only the newer of the two has room for more than 2 TiB.
  const sectors = mark === ploopMarks[0] ? BigInt(header.getUint32(36, true)) : header.getBigUint64(36, true)
  const room = BigInt(header.getUint32(32, true)) * BigInt(blockSectors)
  return room < sectors ? unsafe('ploop', 'their ploop header states two sizes') : sized('ploop', sectors * 512n)
}

export const matchQed = (head: Uint8Array): Match | undefined =>
  startsWith(head, 'QED\0') ? unsafe('qed', 'they are qed, which is not allowed') : undefined
