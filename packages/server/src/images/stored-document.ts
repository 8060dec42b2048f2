import type { Actor } from '../access/actor.ts'
import type { ImagesTable } from '../database/tables.ts'

/**
 * The JSON of an image as it was stored with its row, for one reader. It is the same for everyone but for one thing: of
 * a deactivated image, only an administrator learns which stores hold it.
 */
export const documentFor = (
  actor: Actor,
  { document, status, stores }: Pick<ImagesTable, 'document' | 'status' | 'stores'>,
): string =>
  status === 'deactivated' && stores !== null && actor.roles.has('admin')
    ? `${document.slice(0, -1)},"stores":${JSON.stringify(stores)}}`
    : document
