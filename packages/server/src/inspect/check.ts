import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ContentCheck } from '../data/content-check.ts'

export interface ContentCheckOptions {
  readonly diskFormat: DiskFormat
  readonly containerFormat: ContainerFormat
  /** With false, what would be refused is accepted with a warning. */
  readonly enforce: boolean
}

/** The inspector of one upload. */
export const createContentCheck = (_options: ContentCheckOptions): ContentCheck => {
  throw new Error('being written')
}
