import Type from 'typebox'
import { email, grantField, instant, lines, messageField, orNull, pageLinks, projectIdField } from './field.ts'
import { requestStates } from './words.ts'

/** Requests for access to a listed image (extension, docs/reference/requests.md). */

const requestMessage = () => lines(2000, 'What the producer should know: plain text.')

/** `POST /catalogue/producers/{handle}/{slug}/requests` by anyone, as JSON or from the form of the page. */
export const AnonymousRequestSchema = Type.Object(
  {
    project: projectIdField('Id of the project that wants the image.'),
    email: email('Where the answer goes.'),
    message: Type.Optional(requestMessage()),
  },
  { additionalProperties: false },
)

/** `POST /v2/access-requests` by somebody signed in. */
export const AccessRequestCreateSchema = Type.Object(
  {
    listing: Type.String({ pattern: '^[a-z0-9-]+/[a-z0-9-]+$', description: 'The listing: handle/slug.' }),
    project: Type.Optional(projectIdField("Id of the project; the caller's own if left out.")),
    email: email('Where the answer goes.'),
    message: Type.Optional(requestMessage()),
  },
  { additionalProperties: false },
)

/** What the requester is told at once: always the same, whatever exists. */
export const AccessRequestReceiptSchema = Type.Object({
  state: Type.Enum(['unconfirmed', 'waiting'], {
    type: 'string',
    description: '`waiting` only for somebody signed in whose project has this mailbox confirmed among its notices.',
  }),
  message: Type.String({ description: 'What happens next.' }),
  track: Type.String({ description: 'Address of the page that shows how the request stands. Whoever has it sees it.' }),
})
export type AccessRequestReceipt = Type.Static<typeof AccessRequestReceiptSchema>

/** What the page behind the secret link tells. */
export const AccessRequestStatusSchema = Type.Object({
  state: Type.Enum(requestStates, { type: 'string' }),
  listing: Type.Object({ title: Type.String(), path: orNull(Type.String()) }),
  project: Type.String(),
  email: Type.String(),
  created_at: instant('When it was made.'),
  decided_at: orNull(instant('When it was decided.')),
  reason: orNull(Type.String({ description: "The producer's reason for denying, or its message." })),
  image_id: orNull(Type.String({ description: 'Id of the image, once approved.' })),
})
export type AccessRequestStatus = Type.Static<typeof AccessRequestStatusSchema>

/** A request as the producer sees it. */
export const AccessRequestSchema = Type.Object({
  id: Type.String(),
  state: Type.Enum(requestStates, { type: 'string' }),
  listing_id: Type.String(),
  listing_title: Type.String(),
  image_id: Type.String(),
  project: Type.String({ description: 'Id of the project as the requester gave it.' }),
  project_proven: Type.Boolean({ description: 'Whether the requester was signed in to that project.' }),
  email: Type.String(),
  message: orNull(Type.String()),
  created_at: instant('When it was made.'),
  confirmed_at: orNull(instant('When the address was confirmed.')),
  decided_at: orNull(instant('When it was decided.')),
  reason: orNull(Type.String()),
})
export type AccessRequestDocument = Type.Static<typeof AccessRequestSchema>

/** `GET /v2/access-requests?state=&image=`: oldest first. */
export const AccessRequestsSchema = Type.Object({ requests: Type.Array(AccessRequestSchema), ...pageLinks })
export type AccessRequestsDocument = Type.Static<typeof AccessRequestsSchema>

/** `POST /v2/access-requests/{id}/approve`. */
export const ApproveSchema = Type.Object(
  {
    message: Type.Optional(messageField()),
    ends_at: Type.Optional(instant('When the share ends by itself.')),
    grant: Type.Optional(grantField()),
  },
  { additionalProperties: false },
)

/** `POST /v2/access-requests/{id}/deny`. */
export const DenySchema = Type.Object(
  { reason: lines(2000, 'Why; the requester is told.') },
  { additionalProperties: false },
)
