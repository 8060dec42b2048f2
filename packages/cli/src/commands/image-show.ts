import type { Encryption, Image, JsonObject } from '@vitrine/sdk'
import { connect } from '../connect.ts'
import type { Invocation } from '../context.ts'
import { findImage } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { imageView } from '../views.ts'
import { wireDocument } from '../wire.ts'

const column = 'encryption'

const isEncrypted = ({ kind, content }: Encryption): boolean => kind !== 'none' || content !== null

/** How the image is encrypted; undefined when it is not, and where the cloud does not tell. */
const encryptionOf = async (image: Image, signal: AbortSignal): Promise<JsonObject | undefined> => {
  try {
    const encryption = await image.getEncryption({ signal })
    if (!isEncrypted(encryption)) return undefined
    const { image_id: _, ...told } = wireDocument(encryption)
    return told
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** The image with its encryption, which is no attribute of it. */
const withEncryption = (encryption: JsonObject | undefined): View<Image> =>
  encryption === undefined
    ? imageView
    : { ...imageView, document: (image) => ({ ...imageView.document(image), [column]: encryption }) }

export const showImage = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, invocation)
  const isAsked = options.column === undefined || options.column.includes(column)
  const encryption = isAsked ? await encryptionOf(image, invocation.signal) : undefined
  await writeRecord(invocation, withEncryption(encryption), image, options)
}
