import { Webhook } from 'standardwebhooks'
import type { Outbound } from '../outbound/fetch.ts'
import type { Outcome } from './outcome.ts'

/** A call to a webhook that is ready to be made. */
export interface WebhookCall {
  /** The same for every attempt. */
  readonly deliveryId: string
  readonly url: string
  readonly secret: string
  /** A notice as JSON. */
  readonly body: string
  readonly at: number
  readonly signal: AbortSignal
}

/** Calls a webhook as the Standard Webhooks specification says: https://www.standardwebhooks.com */
export const callWebhook = async (
  outbound: Outbound,
  { deliveryId, url, secret, body, at, signal }: WebhookCall,
): Promise<Outcome> => {
  const date = new Date(at)
  let status: number
  try {
    status = await outbound.post(url, {
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Vitrine',
        'webhook-id': deliveryId,
        'webhook-timestamp': String(Math.floor(at / 1000)),
        'webhook-signature': new Webhook(secret).sign(deliveryId, date, body),
      },
      body,
      signal,
    })
  } catch (error) {
    return { result: 'retry', why: error instanceof Error ? error.message : 'The call failed.' }
  }
  if (status >= 200 && status < 300) return { result: 'sent' }
  if (status === 410) return { result: 'gone', why: 'It answered 410: it wants no more notices.' }
  const redirects = status >= 300 && status < 400 ? ' Redirects are not followed.' : ''
  return { result: 'retry', why: `It answered ${status}.${redirects}` }
}
