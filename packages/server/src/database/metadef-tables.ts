import type { MetadefVisibility } from '@vitrine/contract'
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'

export interface MetadefNamespacesTable {
  /** What its parts name it by: it may be renamed. */
  id: Generated<number>
  name: string
  display_name: string | null
  description: string | null
  visibility: MetadefVisibility
  protected: Flag
  /** Null for those that the service brings along. */
  owner: string | null
  created_at: number
  updated_at: number
}

/** An object or a property of a namespace. The ids tell in which order they came. */
export interface MetadefDefinitionsTable {
  id: Generated<number>
  namespace_id: number
  name: string
  /** What it says, as JSON, without its name. */
  definition: string
  created_at: number
  updated_at: number
}

export interface MetadefTagsTable {
  id: Generated<number>
  namespace_id: number
  name: string
  /** The name in small letters: no two tags of a namespace differ in case alone. */
  folded: string
  created_at: number
  updated_at: number
}

/** Every type that a namespace was ever associated with. */
export interface MetadefResourceTypesTable {
  name: string
  created_at: number
  updated_at: number
}

export interface MetadefAssociationsTable {
  id: Generated<number>
  namespace_id: number
  resource_type: string
  prefix: string | null
  properties_target: string | null
  created_at: number
  updated_at: number
}

/** Which of the definitions that the service brings along were loaded once, so that none comes back that was deleted. */
export interface MetadefStockTable {
  name: string
  loaded_at: number
}

export interface MetadefTables {
  metadef_namespaces: MetadefNamespacesTable
  metadef_objects: MetadefDefinitionsTable
  metadef_properties: MetadefDefinitionsTable
  metadef_tags: MetadefTagsTable
  metadef_resource_types: MetadefResourceTypesTable
  metadef_associations: MetadefAssociationsTable
  metadef_stock: MetadefStockTable
}
