import Type from 'typebox'
import { instant, line, orNull, pageLinks, projectIdField } from './field.ts'
import { keyStates, keyStatuses, keyUses } from './words.ts'

/** Keys of projects, and images that are encrypted with them (extension, docs/reference/keys.md). */

const keyName = () => line(255, 'Name of the key, for people.')
const grantable = () =>
  Type.Boolean({ description: 'Whether other projects may be let use it. A key that never may stays so.' })
const isDefault = () =>
  Type.Boolean({ description: 'Whether images of the project are encrypted with it when none is named.' })
const status = () =>
  Type.Enum(keyStatuses, { type: 'string', description: 'A disabled key opens and closes nothing, for nobody.' })

/** `GET /v2/keys/{id}`; never its material. */
export const KeySchema = Type.Object({
  id: Type.String({ description: 'UUID; what `__system__cmkid` of an image names.' }),
  name: orNull(keyName()),
  project_id: Type.String({ description: 'Project that the key belongs to.' }),
  status: status(),
  default: isDefault(),
  grantable: grantable(),
  adopted: Type.Boolean({ description: 'Whether it is a secret of a Barbican that was not made here.' }),
  version: Type.Integer({ description: 'Counts the rotations, from 1.' }),
  rotating: Type.Boolean({ description: 'Whether data keys are still being wrapped anew after a rotation.' }),
  images: Type.Integer({ description: 'Images encrypted with it.' }),
  created_at: instant('When it was made.'),
  updated_at: instant('When it was last changed.'),
})
export type KeyDocument = Type.Static<typeof KeySchema>

/** `GET /v2/keys`: those of the caller's project, oldest first. */
export const KeysSchema = Type.Object({ keys: Type.Array(KeySchema), ...pageLinks })

/** `POST /v2/keys`. */
export const KeyCreateSchema = Type.Object(
  {
    name: Type.Optional(keyName()),
    default: Type.Optional(isDefault()),
    grantable: Type.Optional(grantable()),
    secret_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'A secret of the own project in the Barbican behind the service, to be used as key; its id stays.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** `PATCH /v2/keys/{id}`. */
export const KeyUpdateSchema = Type.Object(
  {
    name: Type.Optional(orNull(keyName())),
    status: Type.Optional(status()),
    default: Type.Optional(isDefault()),
    grantable: Type.Optional(grantable()),
  },
  { additionalProperties: false, minProperties: 1 },
)

/** One project that may use a key: `PUT /v2/keys/{id}/grants/{project}`. */
export const KeyGrantSchema = Type.Object({
  key_id: Type.String(),
  project_id: projectIdField('Project that may use the key.'),
  granted_by_user: orNull(Type.String({ description: 'User who granted it.' })),
  shares: Type.Integer({ description: 'Shares that need it. It ends with the last of them.' }),
  created_at: instant('When it was granted.'),
})
export type KeyGrantDocument = Type.Static<typeof KeyGrantSchema>
export const KeyGrantsSchema = Type.Object({ grants: Type.Array(KeyGrantSchema) })

/** One use or change of a key: `GET /v2/keys/{id}/events`, newest first, for the project that it belongs to. */
export const KeyEventSchema = Type.Object({
  id: Type.String(),
  type: Type.Enum(keyUses, { type: 'string' }),
  key_id: Type.String(),
  version: orNull(Type.Integer()),
  project_id: orNull(Type.String({ description: 'Project that did it; null for the service itself.' })),
  user_id: orNull(Type.String()),
  request_id: orNull(Type.String()),
  image_id: orNull(Type.String({ description: 'Image that it was done for.' })),
  grantee_id: orNull(Type.String({ description: 'Project that a grant is about.' })),
  outcome: Type.Enum(['done', 'refused', 'failed'], { type: 'string' }),
  created_at: instant('When it happened.'),
})
export type KeyEventDocument = Type.Static<typeof KeyEventSchema>
export const KeyEventsSchema = Type.Object({ events: Type.Array(KeyEventSchema), ...pageLinks })

const base64 = (maxLength: number, description: string) =>
  Type.String({ maxLength, pattern: '^[A-Za-z0-9+/]*={0,2}$', description })
const wrappedKey = () =>
  Type.String({
    minLength: 1,
    maxLength: 4096,
    pattern: '^\\d{1,9}\\.[A-Za-z0-9_-]+$',
    description: 'A wrapped data key.',
  })

/** `POST /v2/keys/{id}/data-keys`: a new data key for whoever holds the key, to encrypt with by itself. */
export const DataKeySchema = Type.Object({
  plain: base64(64, 'The data key, 32 bytes in base64. To be used and forgotten.'),
  wrapped: wrappedKey(),
})
export type DataKeyDocument = Type.Static<typeof DataKeySchema>

/** `POST /v2/keys/{id}/unwrap`: the data key back, for whoever holds the key. */
export const UnwrapSchema = Type.Object({ wrapped: wrappedKey() }, { additionalProperties: false })
export const UnwrappedSchema = Type.Object({ plain: base64(64, 'The data key, in base64.') })

/** How an image is encrypted: `GET /v2/images/{id}/encryption`. */
export const EncryptionSchema = Type.Object({
  image_id: Type.String(),
  kind: Type.Enum(['none', 'sealed', 'client'], {
    type: 'string',
    description: 'Not at all; by the service, which opens it for whoever holds the key; by whoever uploaded it.',
  }),
  key_id: orNull(Type.String({ description: 'The key; null if there is none, or if it is not known.' })),
  key_project: orNull(Type.String({ description: 'Project that can grant the key, if the service knows the key.' })),
  key_state: Type.Enum(keyStates, { type: 'string', description: 'Whether the own project can use the key.' }),
  content: orNull(Type.Literal('luks', { description: 'What the bytes turned out to be, if that is encrypted.' })),
})
export type EncryptionDocument = Type.Static<typeof EncryptionSchema>

/** `PUT /v2/images/{id}/encryption`, while the image is queued: its bytes will be sealed. */
export const EncryptSchema = Type.Object(
  {
    key_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'A key of the own project; left out: its default key.' }),
    ),
  },
  { additionalProperties: false },
)

/** Whether a project could boot an image now: `GET /v2/images/{id}/can-boot?project=&disk_gib=&ram_mib=&if_shared=`. */
export const CanBootSchema = Type.Object({
  image_id: Type.String(),
  project_id: Type.String(),
  can_boot: Type.Boolean(),
  reasons: Type.Array(
    Type.Object({
      rule: Type.Enum(
        ['visibility', 'membership', 'end', 'status', 'key', 'format', 'min_disk', 'min_ram', 'quota', 'content'],
        { type: 'string', description: 'Name of the rule.' },
      ),
      effect: Type.Enum(['allows', 'denies', 'informs'], { type: 'string' }),
      text: Type.String({ description: 'The rule as a sentence, with the facts that it found.' }),
      next: orNull(Type.String({ description: 'What to do about it.' })),
    }),
  ),
})
export type CanBootDocument = Type.Static<typeof CanBootSchema>

/** `POST /v2/images/{id}/copies`: a copy in the caller's project. Answers 202 with the new image, which is saving. */
export const CopySchema = Type.Object(
  {
    name: Type.Optional(line(255, 'Name of the copy; left out: that of the image.')),
    encrypt: Type.Optional(
      Type.Boolean({
        description: 'Whether the copy is sealed; left out: if the image is. Under the key of the caller.',
      }),
    ),
    key_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'A key of the own project.' })),
  },
  { additionalProperties: false },
)
