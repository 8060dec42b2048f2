import Type from 'typebox'
import { instant, line, orNull } from './field.ts'
import { ruleKinds, ruleModes } from './words.ts'

/** What a project does with shares by itself (extension, docs/reference/rules.md). */

/** `POST /v2/rules`. */
export const RuleCreateSchema = Type.Object(
  {
    kind: Type.Enum(ruleKinds, { type: 'string', description: 'Accept at once, or never show.' }),
    producer: line(255, 'Id of the producing project, or @handle of its profile.', 1),
    listing: Type.Optional(
      line(60, 'Only what was asked for through this listing of the producer: its slug. For `accept`.', 1),
    ),
    mode: Type.Optional(
      Type.Enum(ruleModes, { type: 'string', default: 'enforce', description: 'Do it, or only report.' }),
    ),
  },
  { additionalProperties: false },
)

export const RuleSchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum(ruleKinds, { type: 'string' }),
  producer_id: Type.String(),
  producer: orNull(Type.String({ description: 'Handle, if it has one.' })),
  listing: orNull(Type.String()),
  mode: Type.Enum(ruleModes, { type: 'string' }),
  created_at: instant('When it was made.'),
  reported: Type.Integer({ description: 'Shares that it did, or would have done, something to.' }),
})
export type RuleDocument = Type.Static<typeof RuleSchema>
export const RulesSchema = Type.Object({ rules: Type.Array(RuleSchema) })
