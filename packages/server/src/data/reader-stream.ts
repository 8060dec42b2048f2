import { Readable } from 'node:stream'
import type { ByteReader } from '../storage/port.ts'

const pieceBytes = 256 * 1024

async function* piecesOf(reader: ByteReader): AsyncIterable<Uint8Array> {
  for (let position = 0; position < reader.sizeBytes; ) {
    // Memory of its own each time: the receiver keeps it for a while.
    const piece = new Uint8Array(Math.min(pieceBytes, reader.sizeBytes - position))
    const got = await reader.read(piece, position)
    if (got === 0) return
    position += got
    yield piece.subarray(0, got)
  }
}

/** An open object from its first byte to its last, for what takes a stream. It is not closed by it. */
export const streamOf = (reader: ByteReader): Readable => Readable.from(piecesOf(reader), { objectMode: false })
