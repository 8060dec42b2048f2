import type { NoticeKind } from '@vitrine/contract'
import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import { invitationReceived } from './invitation-received.ts'
import { listingPublished } from './listing-published.ts'
import type { Place } from './parts.ts'
import { requestReceived } from './request-received.ts'
import { shareAnswered } from './share-answered.ts'
import { shareCreated } from './share-created.ts'
import { shareExpiring } from './share-expiring.ts'
import { shareKept } from './share-kept.ts'
import { shareWithdrawing } from './share-withdrawing.ts'
import { shareWithdrawn } from './share-withdrawn.ts'

const letters: Readonly<Record<NoticeKind, (content: NoticeContent, place: Place) => Letter>> = {
  'share.created': shareCreated,
  'share.answered': shareAnswered,
  'share.expiring': shareExpiring,
  'share.withdrawing': shareWithdrawing,
  'share.kept': shareKept,
  'share.withdrawn': shareWithdrawn,
  'request.received': requestReceived,
  'invitation.received': invitationReceived,
  'listing.published': listingPublished,
}

/** The mail of one notice. */
export const letterOfNotice = (content: NoticeContent, place: Place): Letter => letters[content.kind](content, place)
