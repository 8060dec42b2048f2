import { usageError } from './command-error.ts'
import { printable } from './text.ts'

const usualId = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+)$/i
const nameAtDomain = /^[^@]+@[^@]+$/

/** Whether it has the form that clouds give to ids of projects. */
export const isUsualId = (project: string): boolean => usualId.test(project)

/** Whether a project is named by its name and its domain instead of its id. */
export const isProjectName = (project: string): boolean => nameAtDomain.test(project)

/**
 * Refuses what cannot be a project: neither an id nor `name@domain`. The Image API takes any text, and a share with a
 * misspelt project would reach nobody and say so to nobody.
 */
export const checkProjects = (projects: readonly string[], anyId: boolean): void => {
  const odd = projects.find((project) => !isUsualId(project) && !isProjectName(project))
  if (anyId || odd === undefined) return
  throw usageError(
    `${printable(odd)} does not look like a project id, and a share with a wrong one reaches nobody.`,
    'Ask the other project for its id ("vitrine whoami" shows it), or write name@domain. If the cloud has other ids: --any-id.',
  )
}
