import { startsWith, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'

// https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
const headerBytesV2 = 72
const headerBytesV3 = 104
const externalDataFile = 1n << 2n
// Dirty, corrupt, external data file, compression type, extended L2 entries: bits 0 to 4.
const knownIncompatible = 0b1_1111n

export const matchQcow = (head: Uint8Array): Match | undefined => {
  if (!startsWith(head, 'QFI\xfb')) return undefined
  if (head.byteLength < headerBytesV2) return unsafe('qcow2', 'their qcow2 header is cut off')
  const header = viewOf(head)
  const version = header.getUint32(4)
  if (version === 1) return unsafe('qcow', 'they are qcow of version 1')
  if (version !== 2 && version !== 3) return unsafe('qcow2', `they are qcow2 of the unknown version ${version}`)
  if (header.getBigUint64(8) !== 0n) return unsafe('qcow2', 'they name a backing file')
  if (version === 3) {
    if (head.byteLength < headerBytesV3) return unsafe('qcow2', 'their qcow2 header is cut off')
    const incompatible = header.getBigUint64(72)
    if (incompatible & externalDataFile) return unsafe('qcow2', 'they name an external data file')
    if (incompatible & ~knownIncompatible) return unsafe('qcow2', 'they need features of qcow2 that are not known here')
    if (header.getUint32(100) < headerBytesV3) return unsafe('qcow2', 'their qcow2 header is damaged')
  }
  const clusterBits = header.getUint32(20)
  if (clusterBits < 9 || clusterBits > 21) return unsafe('qcow2', 'their qcow2 header is damaged')
  return sized('qcow2', header.getBigUint64(24))
}
