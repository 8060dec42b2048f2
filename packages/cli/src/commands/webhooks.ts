import type { ImageService, NoticeKind, Webhook } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findOne, type Kind } from '../find-one.ts'
import { webhookView } from '../notice-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { printable } from '../text.ts'
import { formatInstant } from '../units.ts'
import { resolveSince, type When } from '../when.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'Webhooks are'

export const listWebhooks = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const webhooks = listNeedsVitrine(what, service.listWebhooks({ signal: invocation.signal }))
  const count = await writeList(invocation, webhookView, wireDocuments(webhooks), options)
  if (count === 0) await say(invocation, 'There are no webhooks. To add one: vitrine webhook add URL')
}

export const addWebhook = async (
  invocation: Invocation,
  url: string,
  { kinds, ...options }: OutputOptions & { kinds?: NoticeKind[] },
): Promise<void> => {
  const { service } = await connect(invocation)
  const webhook = await needsVitrine(
    invocation,
    service,
    what,
    service.createWebhook({ url, kinds }, { signal: invocation.signal }),
  )
  await writeRecord(invocation, webhookView, wireDocument(webhook), options)
  await say(invocation, 'The secret is shown this once. Calls are signed with it (Standard Webhooks).')
}

const webhookKind: Kind<Webhook> = {
  name: 'webhook',
  list: 'vitrine webhooks',
  id: ({ id }) => id,
  names: ({ url }) => [url],
  describe: ({ url }) => url,
}

const findWebhook = (service: ImageService, reference: string, signal: AbortSignal): Promise<Webhook> =>
  findOne(listNeedsVitrine(what, service.listWebhooks({ signal })), reference, webhookKind)

export interface WebhookSetOptions extends OutputOptions {
  url?: string
  kinds?: NoticeKind[]
  enabled?: boolean
}

export const setWebhook = async (
  invocation: Invocation,
  reference: string,
  { url, kinds, enabled, ...options }: WebhookSetOptions,
): Promise<void> => {
  if (url === undefined && kinds === undefined && enabled === undefined) {
    throw usageError('Nothing to change was named.', 'See: vitrine webhook set --help')
  }
  const { signal } = invocation
  const { service } = await connect(invocation)
  const webhook = await findWebhook(service, reference, signal)
  const changes = { ...(url === undefined ? {} : { url }), kinds, enabled }
  await webhook.update(changes, { signal })
  await writeRecord(invocation, webhookView, wireDocument(webhook), options)
}

export const removeWebhook = async (
  invocation: Invocation,
  reference: string,
  options: { yes?: boolean },
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const webhook = await findWebhook(service, reference, signal)
  await confirm(invocation, `Call ${printable(webhook.url)} no more? Its secret is lost.`, options.yes)
  await webhook.delete({ signal })
  await say(invocation, `${printable(webhook.url)} is called no more.`)
}

export const testWebhook = async (invocation: Invocation, reference: string): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const webhook = await findWebhook(service, reference, signal)
  await webhook.test({ signal })
  await say(invocation, `A test is on its way to ${printable(webhook.url)}. What became of it: vitrine deliveries`)
}

/** Calls a webhook again for what happened since then. */
export const replayWebhook = async (
  invocation: Invocation,
  reference: string,
  options: { since: When },
): Promise<void> => {
  const { signal } = invocation
  const since = resolveSince(options.since, invocation.now(), '--since')
  const { service } = await connect(invocation)
  const webhook = await findWebhook(service, reference, signal)
  await webhook.replay(since, { signal })
  await say(invocation, `What happened since ${formatInstant(since)} is sent again to ${printable(webhook.url)}.`)
}
