/**
 * The start of a qcow2 file, version 3, followed by zeros; enough for anybody who reads the header.
 * Source: https://www.qemu.org/docs/master/interop/qcow2.html
 */
export const qcow2 = (of: { virtualSizeBytes: number; backingFile?: string; dataFile?: boolean }): Buffer => {
  const clusterBits = 16
  const bytes = Buffer.alloc(4 << clusterBits)
  const headerBytes = 104
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(3, 4)
  bytes.writeUInt32BE(clusterBits, 20)
  bytes.writeBigUInt64BE(BigInt(of.virtualSizeBytes), 24)
  bytes.writeUInt32BE(1, 36) // entries of the L1 table
  bytes.writeBigUInt64BE(BigInt(3 << clusterBits), 40) // where it is
  bytes.writeBigUInt64BE(BigInt(1 << clusterBits), 48) // where the refcount table is
  bytes.writeUInt32BE(1, 56) // clusters of the refcount table
  if (of.dataFile) bytes.writeBigUInt64BE(4n, 72) // incompatible feature: external data file
  bytes.writeUInt32BE(4, 96) // refcounts of 16 bits
  bytes.writeUInt32BE(headerBytes, 100)
  if (of.backingFile !== undefined) {
    const offset = headerBytes + 8 // after the mark that ends the header extensions
    bytes.writeBigUInt64BE(BigInt(offset), 8)
    bytes.writeUInt32BE(of.backingFile.length, 16)
    bytes.write(of.backingFile, offset, 'latin1')
  }
  return bytes
}
