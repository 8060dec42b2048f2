import type { Dirent } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes that must be nowhere, with a name for people. */
export interface Secret {
  readonly name: string
  readonly bytes: Uint8Array
}

// How much of a text must lie there in one piece, to be noticed wherever it begins.
const stepBytes = 512
const windowBytes = 16
/** Bytes that are all alike are found anywhere. */
const variedMin = 8

/** Finds any part of some bytes that is as long as two steps, at whatever place of other bytes. */
const createProbe = (text: Uint8Array): ((hay: Buffer) => number | undefined) => {
  const known = Buffer.from(text)
  const windows = new Map<number, number[]>()
  for (let at = 0; at + windowBytes <= known.byteLength; at += stepBytes) {
    if (new Set(known.subarray(at, at + windowBytes)).size < variedMin) continue
    const head = known.readUInt32LE(at)
    windows.set(head, [...(windows.get(head) ?? []), at])
  }
  const isThere = (hay: Buffer, at: number) => (from: number) =>
    known.compare(hay, at, at + windowBytes, from, from + windowBytes) === 0
  return (hay) => {
    for (let at = 0; at + windowBytes <= hay.byteLength; at += 1) {
      if (windows.get(hay.readUInt32LE(at))?.some(isThere(hay, at)) === true) return at
    }
    return undefined
  }
}

/** The ways in which bytes are commonly written down. */
const spellings = (bytes: Uint8Array): Buffer[] => {
  const raw = Buffer.from(bytes)
  const texts = [raw.toString('base64').replaceAll('=', ''), raw.toString('base64url'), raw.toString('hex')]
  return [raw, ...[...texts, raw.toString('hex').toUpperCase()].map((text) => Buffer.from(text))]
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** All files below some paths; files come and go while they are looked for. */
const filesBelow = async (paths: readonly string[]): Promise<string[]> => {
  const found: string[] = []
  for (const path of paths) {
    try {
      if ((await stat(path)).isFile()) {
        found.push(path)
        continue
      }
      const entries: Dirent[] = await readdir(path, { recursive: true, withFileTypes: true })
      found.push(...entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)))
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  return found
}

const read = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path)
  } catch (error) {
    if (isGone(error)) return Buffer.alloc(0)
    throw error
  }
}

/**
 * Looks through files for parts of a text and for secrets, in any common spelling.
 * @returns what was found where, as lines for people
 */
export const findPlain = async (
  paths: readonly string[],
  text: Uint8Array,
  secrets: readonly Secret[] = [],
): Promise<string[]> => {
  const probe = createProbe(text)
  const spelt = secrets.flatMap(({ name, bytes }) => spellings(bytes).map((spelling) => ({ name, spelling })))
  const files = await filesBelow(paths)
  if (files.length === 0) throw new Error(`there is no file below ${paths.join(', ')}`)
  const found: string[] = []
  for (const path of files) {
    const bytes = await read(path)
    const at = probe(bytes)
    if (at !== undefined) found.push(`the image, at byte ${at} of ${path}`)
    found.push(...spelt.filter(({ spelling }) => bytes.includes(spelling)).map(({ name }) => `${name}, in ${path}`))
  }
  return found
}
