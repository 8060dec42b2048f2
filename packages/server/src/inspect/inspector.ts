import { createArchiveWalk } from './archive.ts'
import { createDiskInspector } from './disk-inspector.ts'
import { createEncryptedContent } from './encrypted-content.ts'
import type { Archive, Finding } from './finding.ts'

/** Looks at bytes on their way, as a disk and as an archive of disks, whatever they are said to be. */
export interface Inspector {
  push(chunk: Uint8Array): void
  /** What the head of the bytes shows, once it is there. The rest may still add to it and may find it unsafe. */
  early(): Finding | undefined
  /** What the archive showed up to here, if the bytes are one. What is unsafe stays so. */
  archive(): Archive | null
  /** To be called once, after the last byte. The same bytes give the same finding in whatever chunks they came. */
  finish(): Finding
}

export const createInspector = (): Inspector => {
  const disk = createDiskInspector()
  const walk = createArchiveWalk()
  const encrypted = createEncryptedContent()
  return {
    push: (chunk) => {
      disk.push(chunk)
      walk.push(chunk)
      encrypted.push(chunk)
    },
    early: () => {
      const found = disk.early()
      return found && { ...found, encryptedContent: encrypted.found(), archive: walk.found() }
    },
    archive: () => walk.found(),
    finish: () => {
      walk.finish()
      return { ...disk.finish(), encryptedContent: encrypted.found(), archive: walk.found() }
    },
  }
}
