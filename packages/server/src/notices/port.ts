/** What the rest of the service knows of notices. */
export interface Notices {
  /** Looks soon for events that nobody was told of, and for deliveries that are due; returns at once. */
  kick(): void
  stop(): Promise<void>
}
