import type { Key } from '@vitrine/sdk'
import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'
import { findKey, keyLabel } from '../find-key.ts'
import { grantView } from '../key-views.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { isProjectName, isUsualId } from '../project-id.ts'
import { printable } from '../text.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

/** A key is granted to an id: which project will claim an invitation by its name is not known yet. */
const checkIds = (projects: readonly string[]): void => {
  const named = projects.find(isProjectName)
  if (named === undefined) return
  throw usageError(
    `A key is granted to a project by its id, and ${printable(named)} is a name.`,
    'To let it use the key when it accepts: vitrine share IMAGE NAME@DOMAIN --grant',
  )
}

/** Lets projects use a key: ahead of a share, or for one that stands without it. */
export const grantKey = async (
  invocation: Invocation,
  reference: string,
  projects: readonly string[],
  options: OutputOptions,
): Promise<void> => {
  checkIds(projects)
  const { signal } = invocation
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  const { done, failed } = await eachOf(invocation, [...new Set(projects)], async (project) => {
    const grant = await key.grant(project, { signal })
    const waits = grant.shares === 0 ? ' It waits for a share, and ends with it.' : ''
    await say(invocation, `Project ${printable(project)} may use the key ${keyLabel(key)}.${waits}`)
    // Not refused: this is the command that the service itself names, with the id that it was given.
    if (!isUsualId(project)) await say(invocation, `Note: ${printable(project)} does not look like a project id.`)
    return wireDocument(grant)
  })
  if (options.format !== 'table' || options.column !== undefined) await writeList(invocation, grantView, done, options)
  if (failed !== undefined) throw failed
}

const sharesUnder = async (key: Key, projects: readonly string[], signal: AbortSignal): Promise<number> => {
  const grants = await key.listGrants({ signal }).toArray()
  return grants.reduce((sum, { projectId, shares }) => sum + (projects.includes(projectId) ? shares : 0), 0)
}

/** Takes grants back; what is shared stays shared, and cannot be read any more. */
export const revokeKey = async (
  invocation: Invocation,
  reference: string,
  projects: readonly string[],
  { yes }: { yes?: boolean },
): Promise<void> => {
  checkIds(projects)
  const { signal } = invocation
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  if (yes !== true && invocation.stdinIsTerminal) {
    const shares = await sharesUnder(key, projects, signal)
    const effect = shares === 0 ? '' : ` ${shares} ${shares === 1 ? 'share' : 'shares'} can no longer be booted.`
    await confirm(invocation, `Take the key ${keyLabel(key)} back?${effect}`, yes)
  }
  const { failed } = await eachOf(invocation, [...new Set(projects)], async (project) => {
    await key.revoke(project, { signal })
    await say(invocation, `Project ${printable(project)} may no longer use the key ${keyLabel(key)}.`)
  })
  if (failed !== undefined) throw failed
}

/** The projects that may use a key, besides its own. */
export const listGrants = async (invocation: Invocation, reference: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const key = await findKey(invocation, service, reference)
  const count = await writeList(
    invocation,
    grantView,
    wireDocuments(key.listGrants({ signal: invocation.signal })),
    options,
  )
  if (count === 0) await say(invocation, `No other project may use the key ${keyLabel(key)}.`)
}
