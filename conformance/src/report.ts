import type { Outcome } from './suite.ts'

const pad = (text: string | number, width: number, right = false): string =>
  right ? String(text).padStart(width) : String(text).padEnd(width)

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** One line about an expectation that did not pass, as it happens; nothing about those that did. */
export const line = (outcome: Outcome): string | undefined => {
  const mark = outcome.own ? ' (own)' : ''
  if (outcome.result === 'failed')
    return `FAILED   ${outcome.group} > ${outcome.name}${mark}\n         ${reason(outcome.error)}`
  if (outcome.result === 'skipped') return `skipped  ${outcome.group} > ${outcome.name}${mark}: ${outcome.why}`
  return undefined
}

/** The table at the end: one row a group, and the sum. */
export const summary = (outcomes: Outcome[]): string => {
  const names = [...new Set(outcomes.map(({ group }) => group))]
  const width = Math.max(...names.map(({ length }) => length), 'group'.length)
  const row = (name: string, among: Outcome[]): string => {
    const count = (result: Outcome['result']) => among.filter((outcome) => outcome.result === result).length
    return [
      pad(name, width),
      pad(count('passed'), 6, true),
      pad(count('failed'), 6, true),
      pad(count('skipped'), 7, true),
    ].join('  ')
  }
  return [
    [pad('group', width), 'passed', 'failed', 'skipped'].join('  '),
    ...names.map((name) =>
      row(
        name,
        outcomes.filter(({ group }) => group === name),
      ),
    ),
    row('all', outcomes),
  ].join('\n')
}
