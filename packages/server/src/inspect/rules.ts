import type { ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ContentVerdict } from '../data/content-check.ts'
import type { ContentFormat, Finding } from './finding.ts'

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

const accept = ({ encryptedContent }: Finding, virtualSizeBytes: number | null): ContentVerdict => ({
  accepted: true,
  virtualSizeBytes,
  warning: null,
  encryptedContent,
})
const refuse = (why: string): ContentVerdict => ({ accepted: false, why })

/** Whether bytes of this image are looked at: nothing that they could be would matter otherwise. */
export const isInspected = ({ diskFormat, containerFormat }: Declared): boolean =>
  containerFormat === 'bare' && diskFormat !== 'raw'

const judgeInspectable = (declared: Inspectable, finding: Finding): ContentVerdict => {
  const { matches } = finding
  const own = matches.find(({ format }) => format === declared)
  if (own === undefined) {
    const [other] = matches
    return refuse(other === undefined ? 'they carry no mark of it' : `they look like ${named(other.format)}`)
  }
  if (own.unsafe !== null) return refuse(own.unsafe)
  const other = matches.find(({ format }) => format !== declared && !mayHold[declared]?.includes(format))
  if (other !== undefined) return refuse(`they can also be taken for ${named(other.format)}`)
  return accept(finding, own.virtualSizeBytes)
}

/**
 * Whether bytes may stand for an image as it is declared. Other containers than `bare` are not looked into. `raw` may
 * be anything. What need not carry marks (`ami`, `ari`, `aki`, `ploop`) must at least not be a disk of another kind.
 * It needs nothing but these two, so a finding that was kept can be judged whenever the image is declared.
 */
export const judgeContent = (declared: Declared, finding: Finding): ContentVerdict => {
  const { diskFormat, containerFormat } = declared
  if (containerFormat !== 'bare') return accept(finding, null)
  if (diskFormat === 'raw') return accept(finding, finding.sizeBytes === 0 ? null : finding.sizeBytes)
  if (isInspectable(diskFormat)) return judgeInspectable(diskFormat, finding)
  const own = finding.matches.find(({ format }) => format === diskFormat)
  const other = finding.matches.find(({ format }) => format !== diskFormat && !contentOfRawDisks.includes(format))
  if (other !== undefined) return refuse(`they look like ${named(other.format)}`)
  return own?.unsafe ? refuse(own.unsafe) : accept(finding, own?.virtualSizeBytes ?? null)
}
