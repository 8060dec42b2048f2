import { usageError } from './command-error.ts'
import { printable } from './text.ts'

const usual = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+)$/i

/**
 * Refuses what cannot be a project id. The Image API takes any text, and a share with a misspelt project, or with the name
 * of one, would reach nobody and say so to nobody.
 */
export const checkProjectIds = (ids: readonly string[], anyId: boolean): void => {
  const odd = ids.find((id) => !usual.test(id))
  if (anyId || odd === undefined) return
  throw usageError(
    `${printable(odd)} does not look like a project id, and a share with a wrong one reaches nobody.`,
    'Ask the other project for its id: "vitrine whoami" shows it. If the cloud has other ids: --any-id.',
  )
}
