import { randomUUID } from 'node:crypto'
import { type JobDocument, JobSchema } from '@vitrine/contract'
import type { ApiError } from '../api-error.ts'
import type { Database } from '../database/database.ts'
import type { JobsTable } from '../database/sharing-tables.ts'
import { parser } from '../http/parsed-body.ts'
import { cloudCodeOf, failureCodes } from './codes.ts'

/** What became of one pair of image and project. */
export interface JobResult {
  readonly imageId: string
  readonly project: string
  readonly error: ApiError | null
}

/** Writes down work that is over, for whoever asks for its job later. */
export const storeJob = async (
  database: Database,
  projectId: string,
  type: JobsTable['type'],
  times: { readonly beginAt: number; readonly endAt: number },
  results: readonly JobResult[],
): Promise<string> => {
  const id = randomUUID()
  const failure = results.find(({ error }) => error !== null)?.error ?? null
  const shown = results.map(({ imageId, project, error }) => ({
    image_id: imageId,
    project_id: project,
    status: error === null ? 'success' : 'failed',
  }))
  await database.write(async (tx) => {
    await tx
      .insertInto('jobs')
      .values({
        id,
        project_id: projectId,
        type,
        status: failure === null ? 'SUCCESS' : 'FAIL',
        begin_at: times.beginAt,
        end_at: times.endAt,
        error_code: failure === null ? null : (cloudCodeOf(failure)?.code ?? failureCodes[type]),
        fail_reason: failure?.message ?? null,
        results: JSON.stringify(type === 'imsDelImageMembersJob' ? [] : shown),
      })
      .execute()
  })
  return id
}

/** A job of this project. */
export const findJob = ({ read }: Database, projectId: string, id: string): Promise<JobsTable | undefined> =>
  read.selectFrom('jobs').selectAll().where('id', '=', id).where('project_id', '=', projectId).executeTakeFirst()

const parseResults = parser(JobSchema.properties.entities.properties.results)

/** UTC with milliseconds, as these calls write instants. */
const jobDate = (instant: number): string => new Date(instant).toISOString()

export const jobDocument = (row: JobsTable): JobDocument => ({
  job_id: row.id,
  job_type: row.type,
  status: row.status,
  begin_time: jobDate(row.begin_at),
  end_time: row.end_at === null ? null : jobDate(row.end_at),
  error_code: row.error_code,
  fail_reason: row.fail_reason,
  entities: { results: parseResults(JSON.parse(row.results)) },
})
