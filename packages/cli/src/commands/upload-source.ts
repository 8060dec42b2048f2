import { createHash, getHashes, type Hash } from 'node:crypto'
import { basename } from 'node:path'
import type { DiskFormat, Image, StreamSource, UploadSource } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import type { Invocation } from '../context.ts'

/** What is to be uploaded. */
export interface Upload {
  source: UploadSource
  /** What to call it in messages. */
  name: string
  /** Digest of the bytes that were read, once all of them were. */
  digest(): string
}

/** The usual algorithm of clouds; it is compared only when the cloud used it. */
export const uploadAlgorithm = 'sha512'

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

const hashedSource = (source: StreamSource, restart: () => Hash): StreamSource => ({
  size: source.size,
  stream: () => {
    const hash = restart()
    return source.stream().pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>(
        {
          transform: (chunk, controller) => {
            hash.update(chunk)
            controller.enqueue(chunk)
          },
        },
        // No reading ahead of the network.
        { highWaterMark: 1 },
        { highWaterMark: 0 },
      ),
    )
  },
})

/** Opens a file, or the standard input for `-`, and hashes what is read of it. */
export const openUpload = async ({ stdin, stdinIsTerminal }: Invocation, path: string): Promise<Upload> => {
  let hash = createHash(uploadAlgorithm)
  const digest = () => hash.copy().digest('hex')
  if (path !== '-') {
    const { fileSource } = await import('@vitrine/sdk/node')
    const source = hashedSource(await fileSource(path), () => {
      hash = createHash(uploadAlgorithm)
      return hash
    })
    return { source, name: basename(path), digest }
  }
  if (stdinIsTerminal) throw usageError('There is nothing on the standard input.', 'Pipe the bytes in, or name a file.')
  return { source: hashed(stdin, hash), name: 'standard input', digest }
}

/** Whether the bytes that arrived are the ones that were read; undefined when the cloud does not tell what can be compared. */
export const arrivedWhole = (image: Image, upload: Upload): boolean | undefined => {
  if (image.osHashAlgo !== uploadAlgorithm || !getHashes().includes(uploadAlgorithm)) return undefined
  return image.osHashValue?.toLowerCase() === upload.digest()
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
