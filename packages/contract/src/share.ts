import Type from 'typebox'
import { grantField, instant, line, messageField, orNull, pageLinks, projectIdField } from './field.ts'
import { ImageSchema } from './image.ts'
import { CanBootSchema } from './key.ts'
import { endReasons, keyStates, memberStatuses, usageDisclosures } from './words.ts'

/** Shares beyond the membership of the Image API: message, end, many at once (extension, docs/reference/shares.md). */

/** Also in documents of the key (docs/reference/keys.md). */
const keyState = (description: string) => Type.Enum(keyStates, { type: 'string', description })

const status = () => Type.Enum(memberStatuses, { type: 'string', description: "The consumer's answer." })

/** What `?include=membership` adds to an image, for a project that the image is shared with. */
export const MembershipSchema = Type.Object(
  {
    status: status(),
    shared_by: orNull(Type.String({ description: 'Project that shared the image: its owner.' })),
    producer: orNull(line(60, 'Handle of that project in the catalogue, if it has one.')),
    shared_at: instant('When the image was shared.'),
    message: orNull(messageField()),
    ends_at: orNull(instant('When the share ends by itself.')),
    withdrawn: Type.Boolean({ description: 'Whether that end is a withdrawal that was announced.' }),
    key_state: keyState('Whether the own project can use the key of the image.'),
  },
  { description: 'The share through which the caller sees an image.' },
)
export type MembershipDocument = Type.Static<typeof MembershipSchema>

/** What waits for a project: a share, or an invitation to a project of this name. */
export const InboxItemSchema = Type.Union([
  Type.Object({
    kind: Type.Literal('share'),
    image: ImageSchema,
    membership: MembershipSchema,
    can_boot: Type.Pick(CanBootSchema, ['can_boot', 'reasons']),
  }),
  Type.Object({
    kind: Type.Literal('invitation'),
    invitation: Type.Object({
      id: Type.String(),
      image: Type.Object(
        {
          name: orNull(Type.String()),
          size: orNull(Type.Integer()),
          disk_format: orNull(Type.String()),
          os_hash_algo: orNull(Type.String()),
          os_hash_value: orNull(Type.String()),
        },
        { description: 'What can be told of the image before the invitation is claimed; its id is not.' },
      ),
      shared_by: Type.String({ description: 'Project that invites.' }),
      producer: orNull(Type.String()),
      shared_at: instant('When the invitation was made.'),
      message: orNull(messageField()),
      ends_at: orNull(instant('When the share will end.')),
      expires_at: orNull(instant('When the invitation ends.')),
    }),
  }),
])
export type InboxItem = Type.Static<typeof InboxItemSchema>

/** `GET /v2/inbox?status=`: newest share first. */
export const InboxSchema = Type.Object({ items: Type.Array(InboxItemSchema), ...pageLinks })
export type InboxDocument = Type.Static<typeof InboxSchema>

/** `POST /v2/inbox/answers`: an answer to many shares; `images` left out means all that wait. */
export const InboxAnswerSchema = Type.Object(
  {
    answer: Type.Enum(['accepted', 'rejected', 'pending', 'block'], {
      type: 'string',
      description: 'The new status; `block` rejects and blocks the producers of these images.',
    }),
    images: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { minItems: 1, maxItems: 1000 })),
    invitations: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { minItems: 1, maxItems: 1000 })),
  },
  { additionalProperties: false },
)

export const InboxAnswersSchema = Type.Object({
  results: Type.Array(
    Type.Object({
      image_id: orNull(Type.String()),
      invitation_id: orNull(Type.String()),
      result: Type.Enum(['accepted', 'rejected', 'pending', 'blocked', 'failed']),
      error: orNull(Type.String({ description: 'Why it failed.' })),
    }),
  ),
  blocked: Type.Array(Type.String(), { description: 'Producers blocked by this call.' }),
  /** More wait than one call answers. */
  more: Type.Boolean(),
})
export type InboxAnswers = Type.Static<typeof InboxAnswersSchema>

/** One share as its producer sees it: `GET /v2/images/{id}/shares`. */
export const ShareSchema = Type.Object({
  image_id: Type.String(),
  project_id: Type.String(),
  status: status(),
  shared_at: instant('When the image was shared.'),
  answered_at: orNull(instant('When the consumer last answered.')),
  shared_by_user: orNull(Type.String({ description: 'User who shared it.' })),
  message: orNull(messageField()),
  ends_at: orNull(instant('When the share ends by itself.')),
  withdrawn: Type.Boolean({ description: 'Whether that end is a withdrawal that was announced.' }),
  key_state: keyState('Whether the consumer can use the key of the image.'),
  usage: orNull(
    Type.Object(
      { downloads: Type.Integer(), last_used_week: orNull(line(10, 'Monday of that week: YYYY-MM-DD.')) },
      { description: 'Only of consumers that agreed to be named.' },
    ),
  ),
})
export type ShareDocument = Type.Static<typeof ShareSchema>
export const SharesSchema = Type.Object({ shares: Type.Array(ShareSchema) })

/** `PATCH /v2/images/{id}/shares/{project}`: null takes the value away. */
export const ShareChangeSchema = Type.Object(
  { message: Type.Optional(orNull(messageField())), ends_at: Type.Optional(orNull(instant('End of the share.'))) },
  { additionalProperties: false, minProperties: 1 },
)

/** Pairs of image and project that one call can name. */
export const pairsMax = 1000

/** `POST /v2/shares`: every image x every project, or the pairs that are listed. */
export const ShareManySchema = Type.Object(
  {
    action: Type.Enum(['share', 'unshare'], { type: 'string' }),
    images: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { minItems: 1, maxItems: pairsMax }),
    projects: Type.Array(projectIdField('Id of a project, or `name@domain`, which invites the project of that name.'), {
      minItems: 1,
      maxItems: pairsMax,
    }),
    atomic: Type.Optional(Type.Boolean({ default: false, description: 'All pairs or none.' })),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Only tell what would happen.' })),
    message: Type.Optional(messageField()),
    ends_at: Type.Optional(instant('When the shares end by themselves.')),
    grant: Type.Optional(grantField()),
  },
  { additionalProperties: false },
)
export type ShareManyDocument = Type.Static<typeof ShareManySchema>

export const ShareManyResultSchema = Type.Object({
  applied: Type.Boolean({ description: 'False for a dry run, and for an atomic call with a failure.' }),
  results: Type.Array(
    Type.Object({
      image_id: Type.String(),
      project: Type.String({ description: 'As it was named in the call.' }),
      result: Type.Enum(['shared', 'unchanged', 'invited', 'unshared', 'failed'], {
        type: 'string',
        description: 'What happened, or would have happened. `unchanged`: it was so already.',
      }),
      error: orNull(
        Type.Object({
          status: Type.Integer({ description: 'The HTTP status that a call for this pair alone would have had.' }),
          code: Type.String({ description: 'Row of the error table.' }),
          message: Type.String(),
        }),
      ),
    }),
  ),
})
export type ShareManyResult = Type.Static<typeof ShareManyResultSchema>

/** What a withdrawal would touch, and the one that is announced, if any: `GET /v2/images/{id}/withdrawal`. */
export const WithdrawalSchema = Type.Object({
  image_id: Type.String(),
  accepted: Type.Integer(),
  waiting: Type.Integer(),
  rejected: Type.Integer(),
  downloads: Type.Integer({ description: 'By consumers that let their use be counted.' }),
  last_used_week: orNull(Type.String()),
  invitations: Type.Integer({ description: 'Invitations that can still be claimed.' }),
  requests: Type.Integer({ description: 'Requests that wait for an answer.' }),
  listing: orNull(Type.String({ description: 'Path of the listing in the catalogue.' })),
  planned: orNull(
    Type.Object({
      at: instant('When it happens.'),
      delete_image: Type.Boolean(),
      message: orNull(messageField()),
      projects: orNull(Type.Array(Type.String(), { description: 'Only these projects; null: all.' })),
    }),
  ),
})
export type WithdrawalDocument = Type.Static<typeof WithdrawalSchema>

/** `POST /v2/images/{id}/withdrawal`. */
export const WithdrawSchema = Type.Object(
  {
    projects: Type.Optional(Type.Array(projectIdField('Id of a project.'), { minItems: 1, maxItems: pairsMax })),
    at: Type.Optional(instant('When; left out: now.')),
    delete_image: Type.Optional(Type.Boolean({ default: false, description: 'Delete the image, too.' })),
    message: Type.Optional(messageField()),
  },
  { additionalProperties: false },
)

/** Counts for the producer of an image: `GET /v2/images/{id}/statistics`. */
export const StatisticsSchema = Type.Object({
  image_id: Type.String(),
  accepted: Type.Integer(),
  waiting: Type.Integer(),
  rejected: Type.Integer(),
  downloads: Type.Integer({ description: 'By consumers that let their use be counted.' }),
  last_used_week: orNull(Type.String({ description: 'Monday of the week: YYYY-MM-DD.' })),
  by_listing: orNull(
    Type.Object({ path: Type.String(), requests: Type.Integer(), accepted: Type.Integer(), downloads: Type.Integer() }),
  ),
})
export type StatisticsDocument = Type.Static<typeof StatisticsSchema>

/** Why a project may or may not: `GET /v2/images/{id}/explain?project=`. */
export const ExplanationSchema = Type.Object({
  image_id: Type.String(),
  project_id: Type.String(),
  see: Type.Boolean({ description: 'Show it by its id.' }),
  list: Type.Boolean({ description: 'Find it in its list.' }),
  download: Type.Boolean({ description: 'Download or boot it.' }),
  reasons: Type.Array(
    Type.Object({
      rule: Type.String({ description: 'Name of the rule.' }),
      effect: Type.Enum(['allows', 'denies', 'hides', 'informs']),
      text: Type.String({ description: 'The rule as a sentence, with the facts that it found.' }),
    }),
  ),
})
export type ExplanationDocument = Type.Static<typeof ExplanationSchema>

/** Settings of the caller's project: `GET` and `PATCH /v2/project-settings`. */
export const ProjectSettingsSchema = Type.Object(
  {
    usage: Type.Enum(usageDisclosures, {
      type: 'string',
      description: 'What producers see of this project using their images: nothing, as part of a sum, or by name.',
    }),
  },
  { additionalProperties: false },
)
export type ProjectSettingsDocument = Type.Static<typeof ProjectSettingsSchema>

/** `detail.reason` of `member.delete`. */
export const EndReasonSchema = Type.Enum(endReasons, { type: 'string' })
