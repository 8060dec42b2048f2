import type { Image } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { showProgress } from '../progress.ts'
import { printable } from '../text.ts'
import { formatBytes } from '../units.ts'
import type { UploadMemory } from './upload-memory.ts'
import { arrivedWhole, type Upload, uploadAlgorithm } from './upload-source.ts'

/**
 * Uploads to a queued image, shows how it goes, and compares what arrived with what was read.
 * @param memory of uploads that were cut off, to go on with them; without it all bytes go in one request
 * @throws CommandError when other bytes arrived
 */
export const sendBytes = async (
  invocation: Invocation,
  image: Image,
  upload: Upload,
  showsProgress: boolean,
  memory?: UploadMemory,
): Promise<void> => {
  const { signal, now } = invocation
  const startedAt = now()
  const goesOn = memory?.found !== undefined
  const display = showProgress(invocation, `Uploading ${printable(upload.name)}`, showsProgress)
  try {
    await image.uploadData(upload.source, {
      signal,
      onProgress: display.onProgress,
      resumable: memory === undefined ? false : undefined,
      uploadId: memory?.found?.uploadId,
      onUpload: (uploadId) => memory?.keep({ imageId: image.id, uploadId }),
    })
    await memory?.forget()
  } finally {
    await display.end()
  }
  await image.refresh({ signal })
  const whole = await arrivedWhole(image, upload)
  if (whole === false) {
    throw new CommandError(
      ExitCode.error,
      `The service got other bytes than were read: its ${uploadAlgorithm} is ${image.osHashValue}, the file's ${await upload.digest()}.`,
      'Do not use this image; upload the bytes to a new one.',
    )
  }
  const seconds = Math.max((now() - startedAt) / 1000, 0.001)
  const size = image.size ?? 0
  // Of an upload that was gone on with, this command has sent a part only.
  const rate = goesOn ? '' : ` at ${formatBytes(size / seconds)}/s`
  const verified = whole === true ? `, ${uploadAlgorithm} verified` : ''
  await say(invocation, `Uploaded ${formatBytes(size)}${rate}${verified}.`)
}

/** Cleaning up must not hang: after Ctrl-C a person waits. */
export const cleanUpTimeoutMs = 10_000
