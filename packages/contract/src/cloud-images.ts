import Type from 'typebox'
import { orNull } from './field.ts'

/**
 * The batch calls of Open Telekom Cloud on `/v1/cloudimages/members`, with their jobs.
 * Source: https://docs.otc.t-systems.com/image-management-service/api-ref/
 */

export const JobSchema = Type.Object({
  job_id: Type.String(),
  job_type: Type.Enum(['imsAddImageMembersJob', 'imsDelImageMembersJob', 'imsUpdateImageMembersJob']),
  status: Type.Enum(['INIT', 'RUNNING', 'SUCCESS', 'FAIL']),
  begin_time: Type.String({ description: 'UTC, with milliseconds.' }),
  end_time: orNull(Type.String()),
  error_code: orNull(Type.String({ description: 'IMG.nnnn of the first failure.' })),
  fail_reason: orNull(Type.String()),
  entities: Type.Object({
    results: Type.Array(
      Type.Object({
        image_id: Type.String(),
        project_id: Type.Optional(Type.String()),
        status: Type.Enum(['success', 'failed']),
      }),
    ),
  }),
})
export type JobDocument = Type.Static<typeof JobSchema>

/** The error body of these calls. */
export const CloudImagesErrorSchema = Type.Object({
  error: Type.Object({ message: Type.String(), code: Type.String({ description: 'IMG.nnnn' }) }),
})
