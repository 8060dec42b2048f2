import type { ImageDocument } from '@vitrine/contract'

/** Attributes whose values are told too: they are few and say who could see the image. */
const told: ReadonlySet<string> = new Set(['visibility', 'owner', 'protected', 'os_hidden'])
const namesMax = 50

/**
 * What differs between two documents of an image, as its log keeps it: the names of what changed, and values only where
 * they are short and no secret. Properties may hold anything, and a log is read by others and for longer.
 */
export const changesBetween = (before: ImageDocument, after: ImageDocument): Record<string, unknown> => {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = [...keys]
    .filter((key) => key !== 'updated_at' && JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .sort()
  const values = changed.filter((key) => told.has(key)).map((key) => [key, { from: before[key], to: after[key] }])
  return { changed: changed.slice(0, namesMax), ...Object.fromEntries(values) }
}
