import Type from 'typebox'
import type { Reader, Tx } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ShareColumns, WithdrawalsTable } from '../database/sharing-tables.ts'
import { parser } from '../http/parsed-body.ts'

/** A withdrawal that was announced for a date, and what it makes of the end of a share. Instants are milliseconds. */
export interface Plan {
  readonly at: number
  readonly deleteImage: boolean
  readonly message: string | null
  /** Only these projects; null: all, also those that the image is shared with from now on. */
  readonly projects: readonly string[] | null
}

const parseProjects = parser(Type.Array(Type.String()))

const planOf = (row: WithdrawalsTable): Plan => ({
  at: row.at,
  deleteImage: row.delete_image === 1,
  message: row.message,
  projects: row.projects === null ? null : parseProjects(JSON.parse(row.projects)),
})

const byImage = prepared<{ image: string }, WithdrawalsTable>((db, value) =>
  db.selectFrom('withdrawals').selectAll().where('image_id', '=', value('image')),
)

export const findPlan = async (db: Reader, image: string): Promise<Plan | undefined> => {
  const [row] = await byImage(db, { image })
  return row === undefined ? undefined : planOf(row)
}

/** Stores a plan in the place of the present one. */
export const storePlan = async (
  tx: Tx,
  imageId: string,
  { at, deleteImage, message, projects }: Plan,
  by: { readonly projectId: string | null; readonly userId: string | null; readonly at: number },
): Promise<void> => {
  await dropPlan(tx, imageId)
  await tx
    .insertInto('withdrawals')
    .values({
      image_id: imageId,
      at,
      delete_image: deleteImage ? 1 : 0,
      message,
      projects: projects === null ? null : JSON.stringify(projects),
      project_id: by.projectId,
      user_id: by.userId,
      created_at: by.at,
    })
    .execute()
}

export const dropPlan = async (tx: Tx, imageId: string): Promise<void> => {
  await tx.deleteFrom('withdrawals').where('image_id', '=', imageId).execute()
}

export const concerns = ({ projects }: Pick<Plan, 'projects'>, project: string): boolean =>
  projects === null || projects.includes(project)

type End = Pick<ShareColumns, 'ends_at' | 'own_ends_at' | 'withdrawn'>

/**
 * The end of a share under the plan for its image, if there is one: the earlier of the two.
 * @param ownEndsAt the end that it has without the plan
 */
export const endUnder = (plan: Plan | undefined, project: string, ownEndsAt: number | null): End =>
  plan === undefined || !concerns(plan, project) || (ownEndsAt !== null && ownEndsAt <= plan.at)
    ? { ends_at: ownEndsAt, own_ends_at: null, withdrawn: 0 }
    : { ends_at: plan.at, own_ends_at: ownEndsAt, withdrawn: 1 }

/** The end that a share has without a plan. */
export const ownEnd = (row: End): number | null => (row.withdrawn === 1 ? row.own_ends_at : row.ends_at)

/** Whether a share is over, cleared away or not. */
export const isOver = ({ ends_at }: Pick<ShareColumns, 'ends_at'>, now: number): boolean =>
  ends_at !== null && ends_at <= now
