import { startsWith, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'

// https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
const headerBytesV2 = 72
const headerBytesV3 = 104
const externalDataFile = 1n << 2n
const compressionType = 1n << 3n
// Dirty, corrupt, external data file, compression type, extended L2 entries: bits 0 to 4.
const knownIncompatible = 0b1_1111n
// Among those that a program may ignore: the data stands as it is in a file outside.
const rawExternalData = 1n << 1n
const zlib = 0
const zstd = 1
const luks = 2
const dataFileExtension = 0x44415441
// What QEMU takes at most: each is a table that whoever opens the image reads into memory.
const maxL1Entries = (32 * 2 ** 20) / 8
const maxRefcountTableBytes = 8 * 2 ** 20
const maxSnapshots = 65_536

const damaged = 'their qcow2 header is damaged'
const cutOff = 'their qcow2 header is cut off'

/** Header extensions follow the header one by one, each a type, a length and data padded to 8 bytes; type 0 ends them. */
const whyExtensionsUnsafe = (head: Uint8Array, from: number, clusterBytes: number): string | null => {
  const header = viewOf(head)
  for (let at = from; at + 8 <= clusterBytes; ) {
    if (at + 8 > head.byteLength) return 'their qcow2 header does not end'
    const type = header.getUint32(at)
    if (type === 0) return null
    // Programs of today heed the name only with the feature bit. It has no business in an image without it.
    if (type === dataFileExtension) return 'they name an external data file'
    const length = header.getUint32(at + 4)
    if (length > clusterBytes - at - 8) return damaged
    at += 8 + Math.ceil(length / 8) * 8
  }
  return null
}

const whyVersion3Unsafe = (head: Uint8Array, clusterBytes: number): string | null => {
  if (head.byteLength < headerBytesV3) return cutOff
  const header = viewOf(head)
  const incompatible = header.getBigUint64(72)
  if (incompatible & externalDataFile || header.getBigUint64(88) & rawExternalData) {
    return 'they name an external data file'
  }
  if (incompatible & ~knownIncompatible) return 'they need features of qcow2 that are not known here'
  const headerBytes = header.getUint32(100)
  if (headerBytes < headerBytesV3 || headerBytes > clusterBytes || headerBytes % 8 !== 0) return damaged
  if (header.getUint32(96) > 6) return damaged
  if (incompatible & compressionType) {
    if (headerBytes === headerBytesV3 || head.byteLength <= headerBytesV3) return damaged
    const method = head[headerBytesV3]
    if (method !== zlib && method !== zstd) return 'they need features of qcow2 that are not known here'
  }
  return whyExtensionsUnsafe(head, headerBytes, clusterBytes)
}

const whyUnsafe = (head: Uint8Array, version: number): string | null => {
  const header = viewOf(head)
  if (header.getBigUint64(8) !== 0n) return 'they name a backing file'
  const clusterBits = header.getUint32(20)
  if (clusterBits < 9 || clusterBits > 21) return damaged
  const clusterBytes = 2 ** clusterBits
  if (header.getUint32(32) > luks || header.getUint32(36) > maxL1Entries) return damaged
  if (header.getUint32(56) * clusterBytes > maxRefcountTableBytes || header.getUint32(60) > maxSnapshots) return damaged
  return version === 2 ? whyExtensionsUnsafe(head, headerBytesV2, clusterBytes) : whyVersion3Unsafe(head, clusterBytes)
}

export const matchQcow = (head: Uint8Array): Match | undefined => {
  if (!startsWith(head, 'QFI\xfb')) return undefined
  if (head.byteLength < headerBytesV2) return unsafe('qcow2', cutOff)
  const header = viewOf(head)
  const version = header.getUint32(4)
  if (version === 1) return unsafe('qcow', 'they are qcow of version 1')
  if (version !== 2 && version !== 3) return unsafe('qcow2', `they are qcow2 of the unknown version ${version}`)
  const why = whyUnsafe(head, version)
  return why === null ? sized('qcow2', header.getBigUint64(24)) : unsafe('qcow2', why)
}
