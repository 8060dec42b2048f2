import type { RuleDocument } from '@vitrine/contract'
import type { RuleKind, RuleMode } from '@vitrine/contract/words'
import { instant, integer, orNull, record, type Shape, text, wireBody, withFields, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { collection } from './paginated.ts'

export type RuleAttributes = {
  /** `accept` accepts shares at once, `block` never shows them. */
  kind: RuleKind
  /** Id of the producing project, or `@handle`. */
  producer: string
  /** Slug: only what was asked for through this listing. For `accept`. */
  listing?: string | undefined
  /** `audit` only reports what the rule would do. Default `enforce`. */
  mode?: RuleMode | undefined
}

const readRule = record('rule', {
  id: text,
  kind: word<RuleKind>(),
  producer_id: text,
  /** Handle, if it has one. */
  producer: orNull(text),
  listing: orNull(text),
  mode: word<RuleMode>(),
  created_at: instant,
  /** Shares that it did, or would have done, something to. */
  reported: integer,
} satisfies Shape<RuleDocument>)

/** What the project does with shares by itself. */
export class Rule extends withFields(readRule) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', [...path, this.id], options)
  }
}

const path = ['rules']

export const listRules = (api: ImageApi, options: CallOptions): ResourceIterator<Rule> =>
  collection(api, path, 'rules', options, (rule) => new Rule(api, rule))

export const createRule = async (api: ImageApi, attributes: RuleAttributes, options: CallOptions): Promise<Rule> =>
  new Rule(api, await api.call('POST', path, { ...options, json: wireBody(attributes) }))
