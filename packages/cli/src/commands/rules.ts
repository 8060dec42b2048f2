import type { Rule, RuleKind } from '@vitrine/sdk'
import { documentView, field, instant } from '../columns.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine, needsVitrine } from '../extension.ts'
import { findOne, type Kind } from '../find-one.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { own, plainText } from '../output/view.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

const what = 'Rules for shares are'

const ruleView = documentView(
  [
    field('id', 'ID'),
    field('kind', 'Rule'),
    {
      ...field('producer', 'Producer'),
      // The profile has a handle, which is unique; else only the project is known.
      text: (rule) => {
        const handle = plainText(own(rule, 'producer') ?? null)
        return handle === '' ? plainText(own(rule, 'producer_id') ?? null) : `@${handle}`
      },
    },
    field('listing', 'Listing'),
    field('mode', 'Mode'),
    field('reported', 'Shares'),
    instant('created_at', 'Since'),
  ],
  [field('producer_id', 'Producer id')],
)

/** What the project does with shares by itself. */
export const listRules = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const rules = listNeedsVitrine(what, service.listRules({ signal: invocation.signal }))
  const count = await writeList(invocation, ruleView, wireDocuments(rules), options)
  if (count === 0) await say(invocation, 'There are no rules: every share waits in the inbox.')
}

export interface RuleAddOptions extends OutputOptions {
  listing?: string
  audit?: boolean
}

export const addRule = async (
  invocation: Invocation,
  kind: RuleKind,
  producer: string,
  { listing, audit, ...options }: RuleAddOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const attributes = { kind, producer, listing, mode: audit === true ? ('audit' as const) : undefined }
  const rule = await needsVitrine(
    invocation,
    service,
    what,
    service.createRule(attributes, { signal: invocation.signal }),
  )
  await writeRecord(invocation, ruleView, wireDocument(rule), options)
  if (audit === true) await say(invocation, 'It does nothing but report: vitrine rules, vitrine activity')
}

const ruleKind: Kind<Rule> = {
  name: 'rule',
  list: 'vitrine rules',
  id: ({ id }) => id,
  describe: ({ kind, producer, producerId }) => `${kind}  ${producer === null ? producerId : `@${producer}`}`,
}

export const deleteRule = async (invocation: Invocation, reference: string): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const rule = await findOne(listNeedsVitrine(what, service.listRules({ signal })), reference, ruleKind)
  await rule.delete({ signal })
  await say(invocation, 'The rule is gone; what it did before stays.')
}
