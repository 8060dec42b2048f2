import { Buffer } from 'node:buffer'

/** As much of the bytes as has to be looked at. */
export const foreignFilesHeadBytes = 512

const externalDataFile = 1n << 2n

const namedByQcow2 = (head: Buffer): string | undefined => {
  // Other versions, and other formats, are refused by QEMU once it is told that the image is qcow2.
  if (head.byteLength < 72 || head.toString('latin1', 0, 4) !== 'QFI\xfb') return undefined
  if (head.readBigUInt64BE(8) !== 0n) return 'a backing file'
  if (head.readUInt32BE(4) < 3 || head.byteLength < 80) return undefined
  return (head.readBigUInt64BE(72) & externalDataFile) === 0n ? undefined : 'an external data file'
}

/** Without this header, and with one that states no capacity, QEMU looks for a text that lists files. */
const namedByVmdk = (head: Buffer): string | undefined => {
  const magic = head.toString('latin1', 0, 4)
  if (magic === 'COWD') return undefined
  const hasDisk = magic === 'KDMV' && head.byteLength >= 20 && head.readBigUInt64LE(12) !== 0n
  return hasDisk ? undefined : 'the files of its extents'
}

type Check = (head: Buffer) => string | undefined
/** By what QEMU calls the formats. */
const checks: ReadonlyMap<string, Check> = new Map([
  ['qcow2', namedByQcow2],
  ['vmdk', namedByVmdk],
])

/** Whether images of a format can have QEMU open other files. */
export const mayNameFiles = (driver: string): boolean => checks.has(driver)

/**
 * What an image would have QEMU open besides itself: any file that the user may read.
 * https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
 * @param driver what QEMU calls the format
 * @param bytes the first of the image, `foreignFilesHeadBytes` where there are so many
 */
export const foreignFilesOf = (driver: string, bytes: Uint8Array): string | undefined =>
  checks.get(driver)?.(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
