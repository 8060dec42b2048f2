import { connect } from '../connect.ts'
import type { Invocation } from '../context.ts'
import { findImage } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { imageView } from '../views.ts'

export const showImage = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, invocation)
  await writeRecord(invocation, imageView, image, options)
}
