import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { anInbox } from '../seed-sharing.ts'
import { compare } from './compared.ts'

const pending = 10_000
const few = 100
const pageSize = 25
const path = '/v2/inbox'

interface Page {
  readonly items: readonly { readonly kind: string }[]
}

const check = (body: string): string => {
  const page: Page = JSON.parse(body)
  if (page.items.length !== pageSize) throw new Error(`The page holds ${page.items.length} shares.`)
  return `${page.items.length} shares`
}

/** A consumer looks at what waits for it. */
export const inbox = async (lab: Lab): Promise<Row[]> => {
  const core = lab.cores.measured
  await using many = await lab.serveFilled(anInbox(pending), { core })
  await using small = await lab.serveFilled(anInbox(few), { core })
  const name = `inbox, first page of ${pageSize}, ${pending.toLocaleString('en')} pending`
  return await compare(lab, [
    { name, service: many, path, account: many.consumer, check, target: 0.2 },
    {
      name: `the same, ${few} pending`,
      service: small,
      path,
      account: small.consumer,
      check,
      target: null,
      sameAs: name,
    },
  ])
}
