import type { MailPayload } from '../content.ts'
import type { Letter } from '../letter.ts'
import { addressConfirm } from './address-confirm.ts'
import { digest } from './digest.ts'
import { letterOfNotice } from './notice.ts'
import type { Place } from './parts.ts'
import { requestApproved } from './request-approved.ts'
import { requestClosed } from './request-closed.ts'
import { requestConfirm } from './request-confirm.ts'
import { requestDenied } from './request-denied.ts'

/** The mail of whatever was queued. */
export const letterOf = (content: MailPayload['content'], place: Place): Letter => {
  switch (content.template) {
    case 'notice':
      return letterOfNotice(content, place)
    case 'digest':
      return digest(content, place)
    case 'request.confirm':
      return requestConfirm(content)
    case 'request.approved':
      return requestApproved(content)
    case 'request.denied':
      return requestDenied(content)
    case 'request.closed':
      return requestClosed(content)
    case 'address.confirm':
      return addressConfirm(content)
  }
}
