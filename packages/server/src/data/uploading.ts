import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import { countFilling } from '../images/queries.ts'

/**
 * Checks that bytes may begin to arrive for one more image of a project. Those that begin at once wait for each other.
 * @throws ApiError `uploading_quota`
 */
export const checkUploading = async (tx: Tx, limits: Limits, owner: string | null): Promise<void> => {
  const limit = limits.uploads_per_project
  if (limit < 0 || owner === null) return
  await lockName(tx, `uploads of ${owner}`)
  const used = await countFilling(tx, owner)
  if (used >= limit) throw apiError('uploading_quota', { limit, used })
}
