/** How far a transfer is; shown while it runs. */
export interface Progress {
  transferredBytes: number
  /** Undefined when the size is not known. */
  totalBytes: number | undefined
}

export type OnProgress = (progress: Progress) => void
