import type {
  ContainerFormat,
  DiskFormat,
  EventType,
  ImageStatus,
  MemberStatus,
  TaskStatus,
  TaskType,
  UploadState,
  Visibility,
} from '@vitrine/contract'
import type { Generated } from 'kysely'
import type { IdentityTables } from '../identity/tables.ts'
import type { Flag } from './flag.ts'
import type { KeyTables } from './key-tables.ts'
import type { MetadefTables } from './metadef-tables.ts'
import type { ShareColumns, SharingTables } from './sharing-tables.ts'

/** Instants are milliseconds since 1970 (UTC); lists of text and records are JSON. */
export interface ImagesTable {
  id: string
  name: string | null
  status: ImageStatus
  visibility: Visibility
  owner: string | null
  protected: Flag
  os_hidden: Flag
  disk_format: DiskFormat | null
  container_format: ContainerFormat | null
  min_disk: number
  min_ram: number
  size_bytes: number | null
  virtual_size_bytes: number | null
  checksum: string | null
  os_hash_algo: string | null
  os_hash_value: string | null
  /** Sorted, no duplicates. */
  tags: string
  /** Custom properties, name to value. */
  properties: string
  /** Where the bytes are: a list of store and key; null while there are none. */
  locations: string | null
  /** The names of these stores, as the API shows them. */
  stores: string | null
  /** `sealed`: stored encrypted by the service. `client`: marked as encrypted by whoever uploaded it. */
  encryption: 'sealed' | 'client' | null
  /** The key that it is encrypted with, if that is known. */
  key_id: string | null
  /** What an encrypted disk inside turned out to be. */
  encrypted_content: 'luks' | null
  created_at: number
  updated_at: number
  /** The JSON of the image as the API shows it: written with the row, so that reading is only copying. */
  document: string
}

/** Every id that was ever an image, so that none comes back with other bytes. */
export interface ImageIdsTable {
  id: string
}

/** What a list can ask for by equality (name, tag, property), as a digest: an inverted index of images. */
export interface ImageTermsTable {
  term: string
  created_at: number
  image_id: string
}

export interface MembersTable extends ShareColumns {
  image_id: string
  member_id: string
  status: MemberStatus
  created_at: number
  updated_at: number
  /** Copies from the image, kept by the same transactions, so that a consumer's list is one walk along one index. */
  image_created_at: number
  image_hidden: Flag
  key_id: string | null
  /** 1 while the image is shared and the consumer has not blocked its producer: only then do lists show it. */
  live: Flag
}

/** One attempt to store bytes. The row is there before the first byte and goes after the last is gone. */
export interface BlobsTable {
  key: string
  store: string
  image_id: string
  /** Project whose quota the bytes count for. */
  project_id: string | null
  /** `staging` and `staged`: bytes that wait for their import. `resumable`: those of a resumable upload that is open. */
  state: 'writing' | 'staging' | 'resumable' | 'staged' | 'stored' | 'doomed'
  /** Bytes set aside while writing, the size once stored. */
  reserved_bytes: number
  /** The process that writes; when it is gone, so is the attempt. */
  process_id: string
  created_at: number
  /** What staged bytes turned out to be, as JSON. */
  content: Generated<string | null>
}

/** A resumable upload, and for a while after its end what became of it. */
export interface UploadsTable {
  id: string
  image_id: string
  blob_key: string
  store: string
  size_bytes: number
  /** Bytes that are durable. */
  offset_bytes: number
  /** Of bytes that are sealed in chunks, the beginning of the next chunk, sealed by itself. */
  tail: string | null
  /** 1 while more may be in the store than is known: from the first byte of a request until it says where it stopped. */
  unsettled: Flag
  state: UploadState
  /** Code and sentence of the error that ended it, as JSON. */
  failure: string | null
  /** `Upload-Metadata` as the client sent it. */
  metadata: string | null
  /** What the client said that the bytes must turn out to be, as JSON. */
  expected: string | null
  /** The process that takes bytes for it. */
  process_id: string | null
  /** Another process has a request for it, which takes the place of the one under way. */
  wanted: Flag
  created_at: number
  /** When it is given up, or forgotten if it has ended. */
  expires_at: number
}

/** Long work, and what clients are shown of it. */
export interface TasksTable {
  id: string
  type: TaskType
  status: TaskStatus
  /** Project that asked for it. */
  owner: string
  image_id: string | null
  user_id: string
  request_id: string | null
  /** JSON objects, as clients see them. */
  input: string
  result: string | null
  message: string
  /** What is to be done, as JSON; null for work that ended. */
  work: string | null
  /** How often it was begun: once, and again after each process that died over it. */
  attempts: number
  /** The process that does it. */
  process_id: string | null
  created_at: number
  updated_at: number
  expires_at: number | null
}

/** A link by which the bytes of an image are read without a token. */
export interface LinksTable {
  id: string
  /** Digest of the secret in its address, of which nothing else is kept. */
  secret_digest: string
  image_id: string
  /** In whose name it reads: project, user, and the roles that the user had there. */
  project_id: string
  user_id: string
  /** JSON. */
  roles: string
  /** When the share began through which the project saw the image, if it was one: a later share is another. */
  shared_at: number | null
  created_at: number
  expires_at: number
}

/** Processes of the service that are alive. */
export interface ProcessesTable {
  id: string
  /** The system that the number counts on: host, boot and process namespace. */
  host: string
  pid: number
  /** When the operating system started the process, in its own units: tells a reused pid. */
  pid_started: string
  seen_at: number
}

export interface EventsTable {
  sequence: Generated<number>
  id: string
  type: EventType
  image_id: string
  member_id: string | null
  project_id: string | null
  user_id: string | null
  request_id: string | null
  created_at: number
  detail: string
  /** Who may read it: the owner, the consumer that it names, or both, with all members if it names none. */
  audience: 'owner' | 'consumer' | 'members'
  /** Project that owned the image at that time. */
  owner_id: string | null
  /** The order in which notices tell of it; null until that is done (`notices/`). */
  position: number | null
}

/** An event as it is read. */
export type EventRow = Omit<EventsTable, 'sequence'> & { sequence: number }

export interface Tables extends IdentityTables, SharingTables, KeyTables, MetadefTables {
  images: ImagesTable
  image_ids: ImageIdsTable
  image_terms: ImageTermsTable
  members: MembersTable
  blobs: BlobsTable
  links: LinksTable
  processes: ProcessesTable
  tasks: TasksTable
  uploads: UploadsTable
  events: EventsTable
}
