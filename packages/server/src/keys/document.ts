import type { KeyDocument, KeyEventDocument, KeyGrantDocument } from '@vitrine/contract'
import type { KeyEventsTable, KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import { wireDate } from '../http/json.ts'

/** A key with what is counted of it. */
export interface KeyView {
  readonly row: KeysTable
  readonly images: number
  readonly rotating: boolean
}

export const keyDocument = ({ row, images, rotating }: KeyView): KeyDocument => ({
  id: row.id,
  name: row.name,
  project_id: row.project_id,
  status: row.status,
  default: row.is_default === 1,
  grantable: row.grantable === 1,
  adopted: row.adopted === 1,
  version: row.version,
  rotating,
  images,
  created_at: wireDate(row.created_at),
  updated_at: wireDate(row.updated_at),
})

/** A grant with the number of shares that need it. */
export interface GrantView {
  readonly row: KeyGrantsTable
  readonly shares: number
}

export const grantDocument = ({ row, shares }: GrantView): KeyGrantDocument => ({
  key_id: row.key_id,
  project_id: row.project_id,
  granted_by_user: row.granted_by,
  shares,
  created_at: wireDate(row.created_at),
})

/** An event as it is read. */
export type KeyEventRow = Omit<KeyEventsTable, 'sequence'> & { readonly sequence: number }

export const keyEventDocument = (row: KeyEventRow): KeyEventDocument => ({
  id: row.id,
  type: row.type,
  key_id: row.key_id,
  version: row.version,
  project_id: row.project_id,
  user_id: row.user_id,
  request_id: row.request_id,
  image_id: row.image_id,
  grantee_id: row.grantee_id,
  outcome: row.outcome,
  created_at: wireDate(row.created_at),
})
