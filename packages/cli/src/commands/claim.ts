import type { Member } from '@vitrine/sdk'
import { noteOwnDenial } from '../boot-notes.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { memberView } from '../share-views.ts'

const next = ({ status, imageId }: Member): string =>
  status === 'accepted'
    ? `It is in your list now: vitrine image show ${imageId}`
    : `It boots by its id at once. To show it in your list: vitrine accept ${imageId}`

/** Makes the project a member of the image of an invitation. */
export const claimInvitation = async (invocation: Invocation, code: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const claimed = service.claimInvitation({ code }, { signal: invocation.signal })
  const member = await needsVitrine(invocation, service, 'Claiming a code is', claimed)
  await writeRecord(invocation, memberView, member.toJSON(), options)
  await say(invocation, next(member))
  await noteOwnDenial(invocation, await service.getImage(member.imageId, { signal: invocation.signal }))
}
