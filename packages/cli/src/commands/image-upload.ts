import type { Image } from '@vitrine/sdk'
import { ToldError } from '../command-error.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { tellError } from '../tell-error.ts'
import { imageView } from '../views.ts'
import { cleanUpTimeoutMs, sendBytes } from './send-bytes.ts'
import { openUploadMemory } from './upload-memory.ts'
import { openUpload } from './upload-source.ts'

export interface ImageUploadOptions extends OutputOptions {
  file: string
  progress: boolean
  resume: boolean
}

const settleMs = 500
const settleAttempts = 10

/** What became of the image. A service may need a moment to notice that the bytes have stopped. */
const tellOutcome = async (invocation: Invocation, image: Image, isResumable: boolean): Promise<void> => {
  const signal = AbortSignal.timeout(cleanUpTimeoutMs)
  try {
    await image.refresh({ signal })
    for (
      let attempt = isResumable ? settleAttempts : 1;
      image.status === 'saving' && attempt < settleAttempts;
      attempt++
    ) {
      await new Promise((resolve) => setTimeout(resolve, settleMs))
      await image.refresh({ signal })
    }
    if (image.status === 'saving' && isResumable) {
      await say(invocation, `The image ${image.id} waits for the rest. To go on, run the same command again.`)
      return
    }
    const again = image.status === 'queued' ? ' It can be uploaded again.' : ''
    await say(invocation, `The image ${image.id} is ${image.status}.${again}`)
  } catch {
    await say(invocation, `What became of the image is not known: vitrine image show ${image.id}`)
  }
}

export const uploadImage = async (
  invocation: Invocation,
  reference: string,
  options: ImageUploadOptions,
): Promise<void> => {
  const upload = await openUpload(invocation, options.file)
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal: invocation.signal, prefer })
  const memory = options.resume
    ? await openUploadMemory(invocation, connection.service, upload.file, `image ${image.id}`)
    : undefined
  if (memory?.found !== undefined) await say(invocation, 'Going on with the upload that was cut off.')
  try {
    await sendBytes(invocation, image, upload, options.progress, memory)
  } catch (error) {
    const exitCode = await tellError(invocation, error)
    await tellOutcome(invocation, image, memory?.isKept() === true)
    throw new ToldError(exitCode)
  }
  await writeRecord(invocation, imageView, image, options)
}
