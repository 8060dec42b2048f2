import type { ImportMethod } from '@vitrine/contract'
import type { Expectation } from '../data/expectation.ts'
import type { Image } from '../images/image.ts'
import type { Task } from '../tasks/queries.ts'

/** Where the bytes of an import come from. */
export type ImportOrigin =
  | { readonly method: 'glance-direct' }
  | { readonly method: 'copy-image' }
  | { readonly method: 'web-download'; readonly uri: string }
  | { readonly method: 'glance-download'; readonly region: string; readonly imageId: string }

/** What an import is to do, as its task keeps it. */
export interface ImportWork {
  readonly origin: ImportOrigin
  /** The stores that get a copy, in order. None of them has one when the work begins for the first time. */
  readonly stores: readonly string[]
  /** Whether the import fails when one of them does. */
  readonly allMustSucceed: boolean
  /** What the bytes must turn out to be. */
  readonly expected?: Expectation | undefined
}

export const writeWork = (work: ImportWork): string => JSON.stringify(work)

/** @throws Error for a task that has no work left */
export const readWork = ({ work }: Pick<Task, 'work'>): ImportWork => {
  if (work === null) throw new Error('The task has ended.')
  return JSON.parse(work)
}

/** The properties by which clients follow an import. Nobody else can set them. */
const taskProperty = 'os_glance_import_task'
const remainingProperty = 'os_glance_importing_to_stores'
const failedProperty = 'os_glance_failed_import'

/** How an import stands, as the image says it. */
export interface ImportState {
  /** Null: none runs. */
  readonly taskId: string | null
  readonly remaining: readonly string[]
  readonly failed: readonly string[]
}

const listOf = (text: string | null | undefined): readonly string[] =>
  text === undefined || text === null || text === '' ? [] : text.split(',')

export const importStateOf = ({ properties }: Pick<Image, 'properties'>): ImportState => ({
  taskId: properties.get(taskProperty) ?? null,
  remaining: listOf(properties.get(remainingProperty)),
  failed: listOf(properties.get(failedProperty)),
})

/** The properties of an image with how its import stands. */
export const withImportState = (
  { properties }: Pick<Image, 'properties'>,
  { taskId, remaining, failed }: ImportState,
): Map<string, string | null> => {
  const next = new Map(properties)
  if (taskId === null) next.delete(taskProperty)
  else next.set(taskProperty, taskId)
  next.set(remainingProperty, remaining.join(','))
  next.set(failedProperty, failed.join(','))
  return next
}

/** What each method finds the image like, and leaves it like while it runs. */
export const statusFor = {
  'glance-direct': { before: 'uploading', during: 'importing' },
  'web-download': { before: 'queued', during: 'importing' },
  'glance-download': { before: 'queued', during: 'importing' },
  'copy-image': { before: 'active', during: 'active' },
} as const satisfies Record<ImportMethod, { before: Image['status']; during: Image['status'] }>
