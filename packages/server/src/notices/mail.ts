import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import type { MailPayload } from './content.ts'
import { type Footer, letterHtml, letterText, oneLine } from './letter.ts'
import type { Outcome } from './outcome.ts'
import { letterOf } from './templates/letter.ts'

/** A mail that is ready to be sent. */
export interface Mail {
  readonly deliveryId: string
  /** Mailbox. */
  readonly to: string
  readonly payload: MailPayload
  /** Page and one-click address that end such mails. */
  readonly unsubscribeUrl: string | null
  readonly at: number
}

export interface Mailer {
  send(mail: Mail): Promise<Outcome>
  close(): void
}

const subjectMax = 200
const connectionsMax = 5
const timeoutMs = 10_000
const mailTimeoutMs = 40_000
const idleMs = 30_000

const hostOf = (url: string): string =>
  URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : 'localhost'

/** The sender where none is configured: `vitrine@` and the host of the service. */
export const senderAt = (origin: string): string => {
  const host = hostOf(origin)
  return `vitrine@${/^[\d.]+$|:/.test(host) ? 'localhost' : host}`
}

/** The same for every attempt, so that a mail that was sent twice can be told to be one. */
export const messageIdOf = (deliveryId: string, origin: string): string =>
  `<${createHash('sha256').update(deliveryId).digest('hex').slice(0, 32)}@${hostOf(origin)}>`

/** Parts of what nodemailer says of a failure. Its message is never passed on: servers repeat what they were sent. */
interface Failure {
  readonly code: string
  readonly status: number
  readonly command: string
}

const failureOf = (error: unknown): Failure => {
  const of = typeof error === 'object' && error !== null ? error : {}
  return {
    code: 'code' in of && typeof of.code === 'string' ? of.code : '',
    status: 'responseCode' in of && typeof of.responseCode === 'number' ? of.responseCode : 0,
    command: 'command' in of && typeof of.command === 'string' ? of.command : '',
  }
}

const aboutServer = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2', 'ETLS', 'EREQUIRETLS', 'EDNS', 'EPROXY', 'ECONFIG'])

/**
 * What a failure means. An answer to the mailbox or to the mail itself is about this mail; whatever comes before, or no
 * answer at all, is about the server.
 */
export const outcomeOf = (error: unknown): Outcome => {
  const { code, status, command } = failureOf(error)
  const aboutMail = command === 'RCPT TO' || command === 'DATA' || command === 'MAIL FROM' || code === 'EMESSAGE'
  if (status === 0) {
    return code === 'EENVELOPE' || code === 'EMAXRECIPIENTS'
      ? { result: 'refused', why: 'The mailbox cannot be written to.' }
      : { result: 'unavailable', why: 'The mail server could not be reached, or broke off.' }
  }
  if (status === 421 || aboutServer.has(code) || !aboutMail) {
    return { result: 'unavailable', why: `The mail server takes no mail from this service at the moment (${status}).` }
  }
  // The sender is ours: whoever gets this mail is not to blame.
  if (status >= 500 && command !== 'MAIL FROM') {
    return { result: 'refused', why: `The mail server refused the mail (${status}).` }
  }
  return { result: 'retry', why: `The mail server did not take the mail this time (${status}).` }
}

const why = (payload: MailPayload): string => {
  const { content } = payload
  switch (content.template) {
    case 'notice':
    case 'digest':
      return `You get this mail because this address is among the notice addresses of the project ${oneLine(content.projectId)}.`
    case 'address.confirm':
      return 'You get this mail because somebody entered this address.'
    default:
      return 'You get this mail because access to an image was asked for with this address.'
  }
}

/**
 * Sends mail through one server, over a few connections that are kept for a while.
 * @param smtpUrl as configured; what it holds is never told to anyone
 */
export const createMailer = ({
  smtpUrl,
  from,
  origin,
}: {
  readonly smtpUrl: string
  readonly from: string | undefined
  readonly origin: () => string
}): Mailer => {
  const transport = createTransport({
    url: smtpUrl,
    pool: true,
    // A password is never sent in the clear, also not when somebody on the way hides that the server has TLS.
    requireTLS: new URL(smtpUrl).password !== '',
    maxConnections: connectionsMax,
    maxRequeues: 1,
    idleTimeout: idleMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketTimeout: 3 * timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  // Each mail reports its own failure.
  transport.on('error', () => undefined)

  const send: Mailer['send'] = async ({ deliveryId, to, payload, unsubscribeUrl, at }) => {
    const place = { origin: origin() }
    const letter = letterOf(payload.content, place)
    const footer: Footer = { why: why(payload), unsubscribeUrl }
    try {
      await transport.sendMail({
        from: from ?? senderAt(place.origin),
        to: { name: '', address: to },
        subject: oneLine(letter.subject, subjectMax),
        text: letterText(letter, footer),
        html: letterHtml(letter, footer),
        messageId: messageIdOf(deliveryId, place.origin),
        date: new Date(at),
        headers: {
          'Auto-Submitted': 'auto-generated',
          'X-Auto-Response-Suppress': 'All',
          ...(unsubscribeUrl === null
            ? {}
            : {
                'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
                'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
              }),
        },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: AbortSignal.timeout(mailTimeoutMs),
      })
      return { result: 'sent' }
    } catch (error) {
      return outcomeOf(error)
    }
  }

  return { send, close: () => transport.close({ force: true }) }
}
