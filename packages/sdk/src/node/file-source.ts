import { open, stat } from 'node:fs/promises'
import { InvalidArgumentError } from '../errors.ts'
import type { StreamSource } from '../upload.ts'

const chunkBytes = 1_048_576

const readFrom = (path: string, start: number): ReadableStream<Uint8Array> => {
  const opened = open(path)
  let position = start
  return new ReadableStream<Uint8Array>(
    {
      async start() {
        await opened
      },
      async pull(controller) {
        const file = await opened
        try {
          // A fresh buffer each time: fetch may still be sending the one before.
          const buffer = new Uint8Array(chunkBytes)
          const { bytesRead } = await file.read(buffer, 0, chunkBytes, position)
          position += bytesRead
          if (bytesRead > 0) {
            controller.enqueue(buffer.subarray(0, bytesRead))
            return
          }
          await file.close()
          controller.close()
        } catch (error) {
          await file.close()
          throw error
        }
      },
      async cancel() {
        await (await opened).close()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * A file as the source of an upload, with its size; it is read in pieces as the network takes them.
 * @throws InvalidArgumentError when it is not a file
 */
export const fileSource = async (path: string): Promise<StreamSource> => {
  const { size } = await stat(path).then((stats) => {
    if (stats.isFile()) return stats
    throw new InvalidArgumentError(`${path} is not a file.`)
  })
  return { size, stream: () => readFrom(path, 0), from: (start) => readFrom(path, start) }
}
