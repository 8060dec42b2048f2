import { documentView } from '../columns.ts'
import { connect, projectOf } from '../connect.ts'
import type { Invocation } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { wireDocument } from '../wire.ts'

/** Counts of who accepted and uses an image, as far as the consumers agreed to tell. */
export const showStatistics = async (
  invocation: Invocation,
  reference: string,
  options: OutputOptions,
): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const statistics = await needsVitrine(
    invocation,
    connection.service,
    'Counting the use of images is',
    image.getStatistics({ signal }),
  )
  await writeRecord(invocation, documentView([]), wireDocument(statistics), options)
}
