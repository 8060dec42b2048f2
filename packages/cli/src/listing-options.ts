import { extname } from 'node:path'
import type { Listing, ListingChanges } from '@vitrine/sdk'
import { usageError } from './command-error.ts'
import { type Invocation, say } from './context.ts'
import type { OutputOptions } from './output/formats.ts'
import { readSmallFile, readText } from './read-text.ts'
import type { ShownFact } from './shown-facts.ts'
import { printable } from './text.ts'

/** What `publish` and `listing set` have in common. */
export interface ListingOptions extends OutputOptions {
  title?: string
  summary?: string
  description?: string
  os?: string
  osVersion?: string
  architecture?: string
  licence?: string
  terms?: string
  docs?: string
  contact?: string
  show?: ShownFact[]
  icon?: string
}

const mediaTypes = new Map([
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.webp', 'image/webp'],
])

/** What was given, in the words of the service; an empty text takes a value away. */
export const listingChanges = async (invocation: Invocation, options: ListingOptions): Promise<ListingChanges> => {
  const { description, terms } = options
  if (description === '-' && terms === '-') throw usageError('Only one text can come from the standard input.')
  const orNull = (text: string | undefined) => (text === '' ? null : text)
  const file = async (path: string | undefined) =>
    path === undefined || path === '' ? orNull(path) : readText(invocation, path)
  const changes = {
    title: options.title,
    summary: orNull(options.summary),
    description: await file(description),
    osName: orNull(options.os),
    osVersion: orNull(options.osVersion),
    architecture: orNull(options.architecture),
    licence: orNull(options.licence),
    terms: await file(terms),
    documentation: orNull(options.docs),
    contact: orNull(options.contact),
    shown: options.show,
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

export interface Icon {
  bytes: Uint8Array<ArrayBuffer>
  mediaType: string
}

/** The picture that was given; null for an empty name, which takes the present one away. */
export const iconOf = async (invocation: Invocation, path: string | undefined): Promise<Icon | null | undefined> => {
  if (path === undefined) return undefined
  if (path === '') return null
  const mediaType = mediaTypes.get(extname(path).toLowerCase())
  if (mediaType === undefined) throw usageError(`${path} cannot be an icon: a PNG, JPEG or WebP picture is needed.`)
  return { bytes: new Uint8Array(await readSmallFile(invocation, path)), mediaType }
}

export const applyIcon = async (
  listing: Listing,
  icon: Icon | null | undefined,
  signal: AbortSignal,
): Promise<void> => {
  if (icon === null) await listing.deleteIcon({ signal })
  else if (icon !== undefined) await listing.setIcon(icon.bytes, icon.mediaType, { signal })
}

export const tellWarnings = async (invocation: Invocation, listing: Listing): Promise<void> => {
  for (const warning of listing.warnings) await say(invocation, `Note: ${printable(warning)}`)
}
