import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ContentVerdict } from '../data/content-check.ts'
import type { ContentFormat, DiskFinding, Finding } from './finding.ts'

/** What an image is said to be. */
export interface Declared {
  readonly diskFormat: DiskFormat
  readonly containerFormat: ContainerFormat
}

const inspectable = ['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso'] as const satisfies readonly (DiskFormat &
  ContentFormat)[]
type Inspectable = (typeof inspectable)[number]

const isInspectable = (format: DiskFormat): format is Inspectable => inspectable.some((known) => known === format)

/** What a raw disk may hold, which says nothing against another format around it. */
const mayHold: Readonly<Partial<Record<ContentFormat, readonly ContentFormat[]>>> = {
  iso: ['gpt', 'mbr'],
  vhd: ['gpt', 'mbr', 'luks'],
}
const contentOfRawDisks: readonly ContentFormat[] = ['gpt', 'mbr', 'luks']

const nameOf: Readonly<Partial<Record<ContentFormat, string>>> = {
  gpt: 'a raw disk with a partition table',
  mbr: 'a raw disk with a partition table',
  luks: 'a raw encrypted disk',
}

const named = (format: ContentFormat): string => nameOf[format] ?? format

/** The size of a disk, or why bytes may not stand for one of this format. */
type DiskJudgement = { readonly virtualSizeBytes: number | null } | { readonly why: string }

const judgeInspectable = (declared: Inspectable, { matches }: DiskFinding): DiskJudgement => {
  const own = matches.find(({ format }) => format === declared)
  if (own === undefined) {
    const [other] = matches
    return { why: other === undefined ? 'they carry no mark of it' : `they look like ${named(other.format)}` }
  }
  if (own.unsafe !== null) return { why: own.unsafe }
  const other = matches.find(({ format }) => format !== declared && !mayHold[declared]?.includes(format))
  return other === undefined ? own : { why: `they can also be taken for ${named(other.format)}` }
}

const judgeDisk = (declared: DiskFormat, finding: DiskFinding): DiskJudgement => {
  if (declared === 'raw') return { virtualSizeBytes: finding.sizeBytes === 0 ? null : finding.sizeBytes }
  if (isInspectable(declared)) return judgeInspectable(declared, finding)
  const own = finding.matches.find(({ format }) => format === declared)
  const other = finding.matches.find(({ format }) => format !== declared && !contentOfRawDisks.includes(format))
  if (other !== undefined) return { why: `they look like ${named(other.format)}` }
  return own?.unsafe ? { why: own.unsafe } : { virtualSizeBytes: own?.virtualSizeBytes ?? null }
}

const formatByExtension: ReadonlyMap<string, DiskFormat> = new Map([
  ...inspectable.map((format) => [format, format] as const),
  ['qcow', 'qcow2'],
  ['vpc', 'vhd'],
])

/** Why bytes must not be used by anybody, whatever they are said to be: mostly since they name files of whoever opens them. */
export const whyUnsafe = ({ matches }: Pick<DiskFinding, 'matches'>): string | null =>
  matches.find(({ unsafe }) => unsafe !== null)?.unsafe ?? null

/** Why a file in an archive may not be there, as a clause about "they". What its name says it is, it must be. */
export const whyMemberUnsafe = (name: string, finding: DiskFinding): string | null => {
  const extension = name.toLowerCase().split('.').at(-1) ?? ''
  const declared = formatByExtension.get(extension)
  if (declared !== undefined) {
    const judgement = judgeDisk(declared, finding)
    return 'why' in judgement ? judgement.why : null
  }
  const unsafe = whyUnsafe(finding)
  if (unsafe !== null) return unsafe
  const [one, other] = finding.matches.filter(({ format }) => !contentOfRawDisks.includes(format))
  if (one === undefined || other === undefined) return null
  return `they can be taken for ${named(one.format)} and for ${named(other.format)}`
}

/** Whether the beginning of the bytes can show that they must be refused. */
export const isInspected = ({ diskFormat, containerFormat }: Declared): boolean =>
  containerFormat === 'bare' && diskFormat !== 'raw'

/** What speaks against an archive, be it whole or as far as it was seen; null if it is none. */
export const whyArchiveRefused = (containerFormat: ContainerFormat, archive: Finding['archive']): string | null => {
  if (archive === null || containerFormat === 'bare') return null
  return containerFormat === 'ova' ? archive.unsafe : archive.unsafeContent
}

/**
 * Whether bytes may stand for an image as it is declared. In the container `bare`, `raw` may be anything, and what need not
 * carry marks (`ami`, `ari`, `aki`, `ploop`) must at least not be a disk of another kind. In other containers they may be
 * anything that is not unsafe; an ova that is a tar archive must be a sound one.
 * It needs nothing but these two, so a finding that was kept can be judged whenever the image is declared.
 */
export const judgeContent = ({ diskFormat, containerFormat }: Declared, finding: Finding): ContentVerdict => {
  const { encryptedContent, archive } = finding
  const accept = (virtualSizeBytes: number | null): ContentVerdict => ({
    accepted: true,
    virtualSizeBytes,
    encryptedContent,
  })
  if (containerFormat !== 'bare') {
    const why = whyArchiveRefused(containerFormat, archive) ?? whyUnsafe(finding)
    return why === null ? accept(null) : { accepted: false, why }
  }
  const judgement = judgeDisk(diskFormat, finding)
  return 'why' in judgement ? { accepted: false, why: judgement.why } : accept(judgement.virtualSizeBytes)
}
