import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { JobsTable } from '../database/sharing-tables.ts'
import type { Cause } from '../events/events.ts'
import { asApiError } from '../http/errors.ts'
import type { KeyHolder } from '../keys/port.ts'
import { updateMember } from '../members/members.ts'
import { plainTerms } from '../members/share.ts'
import type { Service } from '../service.ts'
import { runBatch } from '../shares/many.ts'
import { type JobResult, storeJob } from './jobs.ts'

const store = (service: Service, projectId: string, cause: Cause, type: JobsTable['type'], results: JobResult[]) =>
  storeJob(service.database, projectId, type, { beginAt: cause.at, endAt: service.now() }, results)

/**
 * Shares every image with every project, or ends these shares. What is so already counts as done.
 * @returns the id of a job that is over
 * @throws ApiError `own_image` when a project shares with itself
 */
export const batchMembers = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  action: 'share' | 'unshare',
  pairs: {
    readonly images: readonly string[]
    readonly projects: readonly string[]
    readonly grantsBy: KeyHolder | null
  },
): Promise<string> => {
  const projectId = projectOf(actor, 'member')
  if (action === 'share' && pairs.projects.includes(projectId)) throw apiError('own_image', {})
  const outcome = await runBatch(service, actor, cause, {
    action,
    ...pairs,
    byName: false,
    terms: plainTerms(cause),
    atomic: false,
    dryRun: false,
  })
  const type = action === 'share' ? 'imsAddImageMembersJob' : 'imsDelImageMembersJob'
  return store(service, projectId, cause, type, [...outcome.pairs])
}

/**
 * Answers the shares of many images for one project.
 * @returns the id of a job that is over
 */
export const batchAnswers = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  answer: { readonly images: readonly string[]; readonly project: string; readonly status: 'accepted' | 'rejected' },
): Promise<string> => {
  const projectId = projectOf(actor, 'member')
  const { images, project, status } = answer
  const results: JobResult[] = []
  for (const imageId of images) {
    try {
      await updateMember(service, actor, cause, imageId, project, status)
      results.push({ imageId, project, error: null })
    } catch (error) {
      if (!(error instanceof ApiError)) {
        service.log.error({ err: error, reqId: cause.requestId }, 'an image of a batch failed')
      }
      results.push({ imageId, project, error: asApiError(error) })
    }
  }
  return store(service, projectId, cause, 'imsUpdateImageMembersJob', results)
}
