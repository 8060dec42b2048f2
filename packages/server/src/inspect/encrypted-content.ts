/** Watches for a disk that is encrypted in itself, so that nobody boots it without its passphrase unknowingly. */
export interface EncryptedContent {
  push(bytes: Uint8Array): void
  found(): 'luks' | null
}

const luksMagic = Buffer.from('LUKS\xba\xbe', 'latin1')
const qcow2Magic = Buffer.from('QFI\xfb', 'latin1')
// https://www.qemu.org/docs/master/interop/qcow2.html: bytes 32 to 35 of the header, 2 is LUKS.
const qcow2MethodAt = 32
const qcow2Luks = 2
const headBytes = qcow2MethodAt + 4

export const createEncryptedContent = (): EncryptedContent => {
  const head = Buffer.alloc(headBytes)
  let filled = 0
  return {
    push: (bytes) => {
      if (filled === headBytes) return
      const piece = bytes.subarray(0, headBytes - filled)
      head.set(piece, filled)
      filled += piece.byteLength
    },
    found: () => {
      if (head.subarray(0, luksMagic.byteLength).equals(luksMagic)) return 'luks'
      const isQcow2 = head.subarray(0, qcow2Magic.byteLength).equals(qcow2Magic)
      return isQcow2 && filled === headBytes && head.readUInt32BE(qcow2MethodAt) === qcow2Luks ? 'luks' : null
    },
  }
}
