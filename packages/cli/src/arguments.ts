import { InvalidArgumentError } from 'commander'

/** A whole number of at least 0. */
export const parseCount = (text: string): number => {
  const count = Number(text)
  if (/^\d{1,15}$/.test(text)) return count
  throw new InvalidArgumentError('It must be a whole number of at least 0.')
}

/** A name and the text that belongs to it. */
export type Pair = readonly [name: string, value: string]

/** `KEY=VALUE`, repeated; the value may be empty and may hold further equals signs. */
export const collectPairs = (text: string, before: readonly Pair[] = []): Pair[] => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write it as KEY=VALUE.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

/** An option that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): string[] => {
  if (text === '') throw new InvalidArgumentError('It must not be empty.')
  return [...before, text]
}

/** Columns: repeated, or separated by commas. */
export const collectColumns = (text: string, before: readonly string[] = []): string[] => {
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) throw new InvalidArgumentError('It must not be empty.')
  return [...before, ...names]
}
