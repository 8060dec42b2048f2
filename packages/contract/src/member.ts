import Type from 'typebox'
import { uuidPattern } from './json-schema.ts'
import { memberStatuses } from './words.ts'

/** One membership: an image shared with one consumer project. */
export const MemberSchema = Type.Object(
  {
    member_id: Type.String({ description: 'Project that the image is shared with.' }),
    image_id: Type.String({ pattern: uuidPattern, description: 'Image that is shared.' }),
    created_at: Type.String({ description: 'When the image was shared (UTC).' }),
    updated_at: Type.String({ description: 'When the status last changed (UTC).' }),
    status: Type.Enum(memberStatuses, { type: 'string', description: "The consumer's answer." }),
    schema: Type.String({ readOnly: true }),
  },
  { description: 'A membership.' },
)
export type MemberDocument = Type.Static<typeof MemberSchema>

export const MembersSchema = Type.Object({ members: Type.Array(MemberSchema), schema: Type.String() })
export type MembersDocument = Type.Static<typeof MembersSchema>

/** `POST members`. An integer id is accepted, because php-opencloud sends one, and is stored as its decimal text. */
export const MemberCreateSchema = Type.Object({
  member: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer({ minimum: 1 })], {
    description: 'Project to share with.',
  }),
})

/** `PUT members/{member_id}`. Whether the word is a status is decided after permission, hence any value here. */
export const MemberUpdateSchema = Type.Object({ status: Type.Unknown({ description: memberStatuses.join(', ') }) })
