import type { Delivery, DeliveryState } from '@vitrine/sdk'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { listNeedsVitrine } from '../extension.ts'
import { findOne, type Kind } from '../find-one.ts'
import { deliveryView } from '../notice-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { printable } from '../text.ts'
import { upTo } from '../up-to.ts'
import { wireDocuments } from '../wire.ts'

const what = 'Notices are'

export interface DeliveriesOptions extends OutputOptions {
  state?: DeliveryState
  limit: number
}

/** Mails and calls of webhooks, and what became of them. */
export const listDeliveries = async (invocation: Invocation, options: DeliveriesOptions): Promise<void> => {
  const { state, limit } = options
  const { service } = await connect(invocation)
  const found = upTo(listNeedsVitrine(what, service.listDeliveries({ state }, { signal: invocation.signal })), limit)
  const count = await writeList(invocation, deliveryView, wireDocuments(found.things), options)
  if (count === 0) await say(invocation, 'Nothing was sent, or was to be sent.')
  else if (found.more()) await say(invocation, `Only the first ${limit} are listed; --limit lists more.`)
}

const deliveryKind: Kind<Delivery> = {
  name: 'delivery',
  list: 'vitrine deliveries',
  id: ({ id }) => id,
  describe: ({ notice, target, state }) => `${notice}  ${target}  ${state}`,
}

/** Sends again what failed. */
export const resendDeliveries = async (invocation: Invocation, references: readonly string[]): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const { failed } = await eachOf(invocation, references, async (reference) => {
    const deliveries = listNeedsVitrine(what, service.listDeliveries({}, { signal }))
    const delivery = await findOne(deliveries, reference, deliveryKind)
    await delivery.resend({ signal })
    await say(invocation, `${printable(delivery.notice)} is sent to ${printable(delivery.target)} again.`)
  })
  if (failed !== undefined) throw failed
}
