import Type from 'typebox'
import { pageLinks } from './field.ts'

/** Links by which the bytes of an image are read without a token (extension, docs/reference/links.md). */

/** `POST /v2/images/{id}/links`, and `PATCH` of one. */
export const LinkRequestSchema = Type.Object(
  {
    expires_in_seconds: Type.Optional(
      Type.Integer({ minimum: 1, description: 'For how long it works from now on; an hour if left out.' }),
    ),
  },
  { additionalProperties: false },
)

/** A link as the project that made it sees it. */
export const LinkSchema = Type.Object({
  id: Type.String(),
  image_id: Type.String(),
  url: Type.Optional(Type.String({ description: 'Only in the answer that made it: whoever has it reads the bytes.' })),
  user_id: Type.String({ description: 'In whose name it reads: who made it, or renewed it last.' }),
  created_at: Type.String(),
  expires_at: Type.String(),
})
export type LinkDocument = Type.Static<typeof LinkSchema>
export const LinksSchema = Type.Object({ links: Type.Array(LinkSchema), ...pageLinks })
