import type { Image } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { showProgress } from '../progress.ts'
import { printable } from '../text.ts'
import { formatBytes } from '../units.ts'
import { arrivedWhole, type Upload, uploadAlgorithm } from './upload-source.ts'

/**
 * Uploads to a queued image, shows how it goes, and compares what arrived with what was read.
 * @throws CommandError when other bytes arrived
 */
export const sendBytes = async (
  invocation: Invocation,
  image: Image,
  upload: Upload,
  showsProgress: boolean,
): Promise<void> => {
  const { signal, now } = invocation
  const startedAt = now()
  const display = showProgress(invocation, `Uploading ${printable(upload.name)}`, showsProgress)
  try {
    await image.uploadData(upload.source, { signal, onProgress: display.onProgress })
  } finally {
    await display.end()
  }
  await image.refresh({ signal })
  const whole = arrivedWhole(image, upload)
  if (whole === false) {
    throw new CommandError(
      ExitCode.error,
      `The service got other bytes than were read: its ${uploadAlgorithm} is ${image.osHashValue}, the file's ${upload.digest()}.`,
      'Do not use this image; upload the bytes to a new one.',
    )
  }
  const seconds = Math.max((now() - startedAt) / 1000, 0.001)
  const size = image.size ?? 0
  const verified = whole === true ? `, ${uploadAlgorithm} verified` : ''
  await say(invocation, `Uploaded ${formatBytes(size)} at ${formatBytes(size / seconds)}/s${verified}.`)
}

/** Cleaning up must not hang: after Ctrl-C a person waits. */
export const cleanUpTimeoutMs = 10_000
