import Type from 'typebox'
import { grantField, instant, line, messageField, orNull, pageLinks } from './field.ts'

/** Invitations: codes, and shares by the name of a project (extension, docs/reference/invitations.md). */

const domainPattern = '^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63}$'

/** `POST /v2/invitations`. */
export const InvitationCreateSchema = Type.Object(
  {
    image_id: Type.String({ description: 'Image that the invitation is for.' }),
    uses: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 1, description: 'Projects that can claim it.' }),
    ),
    expires_at: Type.Optional(instant('When the code ends; in 14 days if left out.')),
    email_domain: Type.Optional(
      Type.String({
        maxLength: 253,
        pattern: domainPattern,
        description: 'Only projects with a confirmed address in this domain.',
      }),
    ),
    project: Type.Optional(line(320, 'Instead of a code: the project `name@domain` that may claim it.', 3)),
    status: Type.Optional(
      Type.Enum(['pending', 'accepted'], {
        type: 'string',
        default: 'pending',
        description: 'Status of the membership once claimed.',
      }),
    ),
    message: Type.Optional(messageField()),
    ends_at: Type.Optional(instant('When the shares made by it end by themselves.')),
    grant: Type.Optional(grantField()),
  },
  { additionalProperties: false },
)
export type InvitationCreate = Type.Static<typeof InvitationCreateSchema>

/** An invitation as its producer sees it. */
export const InvitationSchema = Type.Object({
  id: Type.String(),
  image_id: Type.String(),
  code: Type.Optional(Type.String({ description: 'Only in the answer that made it.' })),
  hint: orNull(Type.String({ description: 'The first characters of the code.' })),
  project: orNull(Type.String({ description: 'The project that it is addressed to: `name@domain`.' })),
  uses: Type.Integer(),
  used: Type.Integer(),
  email_domain: orNull(Type.String()),
  status: Type.Enum(['pending', 'accepted'], { type: 'string' }),
  message: orNull(Type.String()),
  ends_at: orNull(Type.String()),
  grant: grantField(),
  created_at: Type.String(),
  expires_at: Type.String(),
  state: Type.Enum(['open', 'used', 'expired', 'revoked'], { type: 'string' }),
  claims: Type.Array(Type.Object({ project_id: Type.String(), claimed_at: Type.String() }), {
    description: 'Newest first; the last 1000 when one invitation is shown, none in lists.',
  }),
})
export type InvitationDocument = Type.Static<typeof InvitationSchema>
export const InvitationsSchema = Type.Object({ invitations: Type.Array(InvitationSchema), ...pageLinks })
export type InvitationsDocument = Type.Static<typeof InvitationsSchema>

/** `POST /v2/invitation-claims`: by a code, or by the id of an invitation from the inbox. Answers the membership. */
export const ClaimSchema = Type.Object(
  {
    code: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    invitation: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
)
