/** Counts the downloads of shared images by the projects that they are shared with. */
export interface Usage {
  /** One whole download, or the first part of one. Returns at once. */
  count(imageId: string, projectId: string): void
  stop(): Promise<void>
}
