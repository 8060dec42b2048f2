import type { EventRow } from '../database/tables.ts'

/** One reader of the live stream of events. */
export interface Listener {
  readonly projectId: string
  /** Is given every event that its project may read, in the order of their positions. */
  readonly onEvent: (event: EventRow) => void
}

/** What the rest of the service knows of notices. */
export interface Notices {
  /** Looks soon for events that nobody was told of, and for deliveries that are due; returns at once. */
  kick(): void
  /**
   * Tells a reader of everything that gets a position after the one that is returned.
   * @returns that position, and how to stop
   */
  listen(listener: Listener): Promise<{ readonly position: number; readonly stop: () => void }>
  /**
   * Says why a webhook can never be called at this address, if that is known already.
   * @returns undefined when it can be tried
   */
  refusalOf(url: string): string | undefined
  stop(): Promise<void>
}
