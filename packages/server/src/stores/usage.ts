import type { Actor } from '../access/actor.ts'
import { stagedBytes, usedBytes } from '../data/blobs.ts'
import { countFilling, countImages } from '../images/queries.ts'
import type { Service } from '../service.ts'

interface Usage {
  readonly usage: number
  readonly limit: number
}

const mebibyte = 1024 * 1024

/** What the project of the caller uses, of everything that is limited. */
export const readUsage = async (
  { database, limits }: Service,
  actor: Actor,
): Promise<Readonly<Record<string, Usage>>> => {
  const project = actor.projectId ?? ''
  const { read } = database
  const kinds = [
    ['image_size_total', limits.project_storage_bytes, usedBytes, mebibyte],
    ['image_stage_total', limits.project_staged_bytes, stagedBytes, mebibyte],
    ['image_count_total', limits.images_per_project, countImages, 1],
    ['image_count_uploading', limits.uploads_per_project, countFilling, 1],
  ] as const
  const limited = kinds.filter(([, limit]) => limit >= 0)
  return Object.fromEntries(
    await Promise.all(
      limited.map(async ([name, limit, count, unit]) => {
        const usage = Math.ceil((await count(read, project)) / unit)
        return [name, { usage, limit: Math.floor(limit / unit) }] as const
      }),
    ),
  )
}
