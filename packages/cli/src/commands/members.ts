import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { memberView } from '../views.ts'

export const listMembers = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const members = await image.listMembers({ signal }).toArray()
  const rows = members.map((member) => ({ member }))
  await writeList(invocation, memberView, rows, options)
  if (rows.length === 0) await say(invocation, `Shared with nobody. To share it: vitrine share ${image.id} PROJECT`)
}
