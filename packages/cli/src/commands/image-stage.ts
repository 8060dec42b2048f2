import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { showProgress } from '../progress.ts'
import { printable } from '../text.ts'
import { imageView } from '../views.ts'
import { openUpload } from './upload-source.ts'

export interface ImageStageOptions extends OutputOptions {
  file: string
  progress: boolean
}

/** Uploads bytes to where an import takes them from. */
export const stageImage = async (
  invocation: Invocation,
  reference: string,
  options: ImageStageOptions,
): Promise<void> => {
  const { signal } = invocation
  const upload = await openUpload(invocation, options.file)
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const display = showProgress(invocation, `Staging ${printable(upload.name)}`, options.progress)
  try {
    await image.stageData(upload.source, { signal, onProgress: display.onProgress })
  } finally {
    await display.end()
  }
  await image.refresh({ signal })
  await say(invocation, `It is staged. To make it active: vitrine image import ${image.id} --wait`)
  await writeRecord(invocation, imageView, image, options)
}
