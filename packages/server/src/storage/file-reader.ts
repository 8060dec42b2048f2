import type { FileHandle } from 'node:fs/promises'
import type { ByteReader } from './port.ts'

/** Runs a call of the operating system and turns its failure into that of a store. */
export type Attempt = <T>(doing: string, call: () => Promise<T>) => Promise<T>

/** @returns the number of bytes read; less than `into` holds only at the end of the file */
export const readFully = async (handle: FileHandle, into: Uint8Array, position: number): Promise<number> => {
  let filled = 0
  while (filled < into.byteLength) {
    const { bytesRead } = await handle.read(into, filled, into.byteLength - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** Takes the handle over. */
export const openFileReader = async (handle: FileHandle, attempt: Attempt): Promise<ByteReader> => {
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= attempt('close an object', () => handle.close())
    return closing
  }

  let sizeBytes: number
  try {
    sizeBytes = (await handle.stat()).size
  } catch (error) {
    await close()
    throw error
  }

  return {
    sizeBytes,
    close,
    read: (into, position) => attempt('read an object', () => readFully(handle, into, position)),
  }
}
