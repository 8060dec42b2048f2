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

/** Why a file in an archive may not be there, as a clause about "they". What its name says it is, it must be. */
export const whyMemberUnsafe = (name: string, finding: DiskFinding): string | null => {
  const extension = name.toLowerCase().split('.').at(-1) ?? ''
  const declared = formatByExtension.get(extension)
  if (declared !== undefined) {
    const judgement = judgeDisk(declared, finding)
    return 'why' in judgement ? judgement.why : null
  }
  const bad = finding.matches.find((match) => match.unsafe !== null)
  if (bad !== undefined) return bad.unsafe
  const [one, other] = finding.matches.filter(({ format }) => !contentOfRawDisks.includes(format))
  if (one === undefined || other === undefined) return null
  return `they can be taken for ${named(one.format)} and for ${named(other.format)}`
}

/** Whether the beginning of the bytes can show that they must be refused. */
export const isInspected = ({ diskFormat, containerFormat }: Declared): boolean =>
  containerFormat === 'bare' && diskFormat !== 'raw'

/**
 * Whether bytes may stand for an image as it is declared. `raw` may be anything. What need not carry marks (`ami`, `ari`,
 * `aki`, `ploop`) must at least not be a disk of another kind. Other containers than `bare` are not looked into, but for an
 * ova that is a tar archive.
 * It needs nothing but these two, so a finding that was kept can be judged whenever the image is declared.
 */
export const judgeContent = ({ diskFormat, containerFormat }: Declared, finding: Finding): ContentVerdict => {
  const { encryptedContent, archive } = finding
  const accept = (virtualSizeBytes: number | null): ContentVerdict => ({
    accepted: true,
    virtualSizeBytes,
    warning: null,
    encryptedContent,
  })
  if (containerFormat === 'ova' && typeof archive?.unsafe === 'string') return { accepted: false, why: archive.unsafe }
  if (containerFormat !== 'bare') return accept(null)
  const judgement = judgeDisk(diskFormat, finding)
  return 'why' in judgement ? { accepted: false, why: judgement.why } : accept(judgement.virtualSizeBytes)
}
