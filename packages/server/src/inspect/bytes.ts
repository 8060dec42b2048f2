/** Numbers and text in a header. Callers see to it that the offsets lie inside. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Latin-1, so that every byte is one character. */
export const textAt = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.subarray(start, end)).toString('latin1')

export const startsWith = (bytes: Uint8Array, mark: string, at = 0): boolean =>
  textAt(bytes, at, at + mark.length) === mark

export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
