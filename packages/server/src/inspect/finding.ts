import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** What bytes can turn out to be. `gpt`, `mbr` and `luks` are what raw disks hold; `qcow` is the first version of it. */
const contentFormats = [
  'qcow2',
  'vmdk',
  'vhd',
  'vhdx',
  'vdi',
  'iso',
  'ploop',
  'gpt',
  'mbr',
  'luks',
  'qed',
  'qcow',
] as const
export type ContentFormat = (typeof contentFormats)[number]

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

const MatchSchema = Type.Object({
  format: Type.Enum(contentFormats),
  /** The size of the disk that a guest would see, where the format states one. */
  virtualSizeBytes: orNull(Type.Integer({ minimum: 0 })),
  /** Why the image must not be used, as a clause about "they", the bytes. */
  unsafe: orNull(Type.String()),
})

const ArchiveSchema = Type.Object({
  files: Type.Integer({ minimum: 0 }),
  /** Why it is no ova that can be used: as in a match. */
  unsafe: orNull(Type.String()),
  /** The same, of a file that leads whoever uses it to files outside, in whatever archive it is. */
  unsafeContent: orNull(Type.String()),
})

const FindingSchema = Type.Object({
  sizeBytes: Type.Integer({ minimum: 0 }),
  /** Empty for bytes without marks; several for bytes that can be taken for more than one thing. */
  matches: Type.Array(MatchSchema),
  /** What the bytes are encrypted with by themselves, as far as they show it. */
  encryptedContent: orNull(Type.Literal('luks')),
  /** What is in them when they are a tar archive, such as an ova. */
  archive: orNull(ArchiveSchema),
})

/** One format that the bytes carry the marks of. */
export type Match = Readonly<Static<typeof MatchSchema>>

export type Archive = Readonly<Static<typeof ArchiveSchema>>

/**
 * What an inspector saw in all of the bytes, whatever they are said to be. It is plain JSON, so that it can be kept while
 * nobody has said yet what they are.
 */
export type Finding = Readonly<Omit<Static<typeof FindingSchema>, 'matches'>> & { readonly matches: readonly Match[] }

/** What bytes show that are looked at as a disk alone. */
export type DiskFinding = Pick<Finding, 'sizeBytes' | 'matches'>

const checkFinding = Compile(FindingSchema)

/** To be kept in a database, and read with `readFinding`. */
export const writeFinding = (finding: Finding): string => JSON.stringify(finding)

/** @returns undefined for what another version of the service kept: the bytes must be looked at again */
export const readFinding = (text: string): Finding | undefined => {
  const kept: unknown = JSON.parse(text)
  return checkFinding.Check(kept) ? kept : undefined
}

export const safe = (format: ContentFormat, virtualSizeBytes: number | null): Match => ({
  format,
  virtualSizeBytes,
  unsafe: null,
})

export const unsafe = (format: ContentFormat, why: string): Match => ({ format, virtualSizeBytes: null, unsafe: why })

/** A match whose size comes from a header, and may be nonsense there. */
export const sized = (format: ContentFormat, virtualSizeBytes: bigint): Match =>
  virtualSizeBytes <= Number.MAX_SAFE_INTEGER
    ? safe(format, Number(virtualSizeBytes))
    : unsafe(format, `their ${format} header states an impossible size`)
