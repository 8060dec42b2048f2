import type { Image } from '../image.ts'
import type { UploadOptions } from '../upload.ts'
import { fileSource } from './file-source.ts'

/** Uploads the bytes of a file to a queued image, then fetches the image with its size and digests. */
export const uploadFile = async (
  image: Image,
  path: string,
  options: Omit<UploadOptions, 'sizeBytes'> = {},
): Promise<Image> => {
  await image.uploadData(await fileSource(path), options)
  return image.refresh({ signal: options.signal })
}
