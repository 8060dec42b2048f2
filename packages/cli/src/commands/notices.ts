import type { ImageService, NoticeAddress, NoticeKind } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findOne, type Kind } from '../find-one.ts'
import { addressView } from '../notice-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { printable } from '../text.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'Notices by mail are'

export interface NoticeOptions extends OutputOptions {
  kinds?: NoticeKind[]
  daily?: boolean
}

/** Mailboxes that get the notices of the project. */
export const listNotices = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const addresses = listNeedsVitrine(what, service.listNoticeAddresses({ signal: invocation.signal }))
  const count = await writeList(invocation, addressView, wireDocuments(addresses), options)
  if (count === 0) await say(invocation, 'No mailbox gets notices. To add one: vitrine notice add EMAIL')
}

const modeOf = (daily: boolean | undefined): 'daily' | 'instant' | undefined =>
  daily === undefined ? undefined : daily ? 'daily' : 'instant'

export const addNotice = async (
  invocation: Invocation,
  email: string,
  { kinds, daily, ...options }: NoticeOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const attributes = { email, kinds, mode: modeOf(daily) }
  const address = await needsVitrine(
    invocation,
    service,
    what,
    service.addNoticeAddress(attributes, { signal: invocation.signal }),
  )
  await writeRecord(invocation, addressView, wireDocument(address), options)
  if (address.state === 'unconfirmed') {
    await say(invocation, `Nothing is sent before the link in the mail to ${printable(email)} is followed.`)
  }
}

const addressKind: Kind<NoticeAddress> = {
  name: 'address',
  list: 'vitrine notices',
  id: ({ id }) => id,
  names: ({ email }) => [email],
  describe: ({ email }) => email,
}

const findAddress = (service: ImageService, reference: string, signal: AbortSignal): Promise<NoticeAddress> =>
  findOne(listNeedsVitrine(what, service.listNoticeAddresses({ signal })), reference, addressKind)

export const setNotice = async (
  invocation: Invocation,
  reference: string,
  { kinds, daily, ...options }: NoticeOptions,
): Promise<void> => {
  if (kinds === undefined && daily === undefined) {
    throw usageError('Nothing to change was named.', 'See: vitrine notice set --help')
  }
  const { signal } = invocation
  const { service } = await connect(invocation)
  const address = await findAddress(service, reference, signal)
  await address.update({ kinds, mode: modeOf(daily) }, { signal })
  await writeRecord(invocation, addressView, wireDocument(address), options)
}

export const removeNotice = async (
  invocation: Invocation,
  reference: string,
  options: { yes?: boolean },
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const address = await findAddress(service, reference, signal)
  await confirm(invocation, `Send ${printable(address.email)} no more notices?`, options.yes)
  await address.delete({ signal })
  await say(invocation, `${printable(address.email)} gets no notices of this project any more.`)
}
