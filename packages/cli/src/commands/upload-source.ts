import { createHash, getHashes, type Hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { DiskFormat, Image, StreamSource, UploadSource } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import type { Invocation } from '../context.ts'

/** What is to be uploaded. */
export interface Upload {
  source: UploadSource
  /** What to call it in messages. */
  name: string
  /** Digest of all bytes, once they were sent; what was read only in part is read again. */
  digest(): Promise<string>
  /** What tells the file from another one in its place; undefined: the standard input. */
  file: FileIdentity | undefined
}

export interface FileIdentity {
  path: string
  sizeBytes: number
  modifiedAtMs: number
}

/** The usual algorithm of clouds; it is compared only when the cloud used it. */
export const uploadAlgorithm = 'sha512'

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

const hashingStream = (stream: ReadableStream<Uint8Array>, onChunk: (chunk: Uint8Array) => void) =>
  stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>(
      {
        transform: (chunk, controller) => {
          onChunk(chunk)
          controller.enqueue(chunk)
        },
      },
      // No reading ahead of the network.
      { highWaterMark: 1 },
      { highWaterMark: 0 },
    ),
  )

/** A file that is hashed as it is read from its start; read in another way, it is hashed on its own at the end. */
const hashedFile = (source: StreamSource): Pick<Upload, 'digest'> & { source: StreamSource } => {
  let hash: Hash | undefined
  let hashedBytes = 0
  const fromStart = () => {
    const current = createHash(uploadAlgorithm)
    hash = current
    hashedBytes = 0
    return hashingStream(source.stream(), (chunk) => {
      current.update(chunk)
      hashedBytes += chunk.byteLength
    })
  }
  const { from } = source
  return {
    source: {
      size: source.size,
      stream: fromStart,
      ...(from === undefined ? {} : { from: (start) => (start === 0 ? fromStart() : from.call(source, start)) }),
    },
    digest: async () => {
      if (hash !== undefined && hashedBytes === source.size) return hash.copy().digest('hex')
      const whole = createHash(uploadAlgorithm)
      for await (const chunk of source.stream()) whole.update(chunk)
      return whole.digest('hex')
    },
  }
}

/** Opens a file, or the standard input for `-`, and hashes what is read of it. */
export const openUpload = async ({ stdin, stdinIsTerminal }: Invocation, path: string): Promise<Upload> => {
  if (path !== '-') {
    const { fileSource } = await import('@vitrine/sdk/node')
    const hashed = hashedFile(await fileSource(path))
    const { size, mtimeMs } = await stat(path)
    const file = { path: resolve(path), sizeBytes: size, modifiedAtMs: mtimeMs }
    return { ...hashed, name: basename(path), file }
  }
  if (stdinIsTerminal) throw usageError('There is nothing on the standard input.', 'Pipe the bytes in, or name a file.')
  const hash = createHash(uploadAlgorithm)
  const digest = async () => hash.copy().digest('hex')
  return { source: hashed(stdin, hash), name: 'standard input', digest, file: undefined }
}

/** Whether the bytes that arrived are the ones that were read; undefined when the cloud does not tell what can be compared. */
export const arrivedWhole = async (image: Image, upload: Upload): Promise<boolean | undefined> => {
  if (image.osHashAlgo !== uploadAlgorithm || !getHashes().includes(uploadAlgorithm)) return undefined
  return image.osHashValue?.toLowerCase() === (await upload.digest())
}

/** Extensions that mean one disk format. `.img` is none of them: it is raw as often as qcow2. */
const byExtension = new Map<string, DiskFormat>([
  ['qcow2', 'qcow2'],
  ['raw', 'raw'],
  ['vmdk', 'vmdk'],
  ['vhd', 'vhd'],
  ['vhdx', 'vhdx'],
  ['vdi', 'vdi'],
  ['iso', 'iso'],
])

/** The disk format that a file's extension stands for. */
export const guessDiskFormat = (path: string): DiskFormat | undefined =>
  byExtension.get(/\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '')
