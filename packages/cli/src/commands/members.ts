import type { Image, JsonObject } from '@vitrine/sdk'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { orElse } from '../extension.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import type { View } from '../output/view.ts'
import { memberView, shareView } from '../share-views.ts'
import { wireDocument } from '../wire.ts'

interface Listed {
  view: View<JsonObject>
  rows: JsonObject[]
}

const members = async (image: Image, signal: AbortSignal): Promise<Listed> => {
  const rows = (await image.listMembers({ signal }).toArray()).map((member) => {
    const document = member.toJSON()
    return { ...document, answered_at: member.status === 'pending' ? null : (document.updated_at ?? null) }
  })
  return { view: memberView, rows }
}

/** Under the names of members, so that scripts read the same everywhere. */
const shares = async (image: Image, signal: AbortSignal): Promise<Listed> => {
  const rows = (await image.listShares({ signal }).toArray()).map((share): JsonObject => {
    const { project_id = null, shared_at = null, answered_at = null, ...rest } = wireDocument(share)
    return { member_id: project_id, created_at: shared_at, updated_at: answered_at ?? shared_at, answered_at, ...rest }
  })
  return { view: shareView, rows }
}

export const listMembers = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const { id } = projectOf(connection)
  const image = await findImage(connection.service, reference, { signal, prefer: ownedBy(id) })
  // A consumer sees its own membership and nothing else.
  const byMembers = () => members(image, signal)
  const { view, rows } = image.owner === id ? await orElse(shares(image, signal), byMembers) : await byMembers()
  await writeList(invocation, view, rows, options)
  if (rows.length === 0) await say(invocation, `Shared with nobody. To share it: vitrine share ${image.id} PROJECT`)
}
