const sentences = {
  refused: 'The address may not be called: {detail}.',
  unreachable: 'The address could not be called: nothing answered there in time, or it may not be called.',
  tls: 'The certificate of the address cannot be trusted: it is made for another name, expired, or signed by nobody known here.',
  status: 'The address answered with status {detail}.',
  redirects: 'The address leads on more than {detail} times.',
  leads_astray: 'The address leads on to one that may not be called: {detail}.',
  encoding: 'The address answered with compressed content, which was not asked for.',
  cut: 'The transfer broke off before its end.',
  timeout: 'The address sent too little in too long a time.',
  too_large: 'The address sends more than the {detail} bytes that are allowed.',
  not_json: 'The address answered with something other than JSON.',
} as const

/** Why a call did not come about, or did not come to its end. */
export type OutboundReason = keyof typeof sentences

/**
 * A call that failed. The message is fit for whoever chose the address: of what does not answer it says the same as of
 * what may not be called, and so it tells nothing of the network of the service.
 */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly reason: OutboundReason
  /** The status that was answered, if that was the reason. */
  readonly status: number | undefined

  constructor(reason: OutboundReason, detail: string | number = '') {
    super(sentences[reason].replace('{detail}', String(detail)))
    this.reason = reason
    this.status = typeof detail === 'number' && reason === 'status' ? detail : undefined
  }
}
