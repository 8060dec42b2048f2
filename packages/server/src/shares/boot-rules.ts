import type { CanBootDocument, ContainerFormat, DiskFormat } from '@vitrine/contract'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import type { KeyFinding } from '../keys/states.ts'
import { whyKey } from './boot-key.ts'
import { endAhead, type Remark, type SightFacts, whyNoBytes, whySeen } from './sight.ts'

export type BootReason = CanBootDocument['reasons'][number]
export type BootAnswer = Pick<CanBootDocument, 'can_boot' | 'reasons'>

/** What is known of a limit. */
export interface Room {
  readonly used: number
  readonly limit: number
}

/** Everything that decides whether a project could boot an image. */
export interface BootFacts extends SightFacts {
  readonly image: Pick<
    ImagesTable,
    | 'id'
    | 'owner'
    | 'visibility'
    | 'status'
    | 'disk_format'
    | 'container_format'
    | 'min_disk'
    | 'min_ram'
    | 'size_bytes'
    | 'virtual_size_bytes'
    | 'encryption'
    | 'key_id'
    | 'encrypted_content'
  >
  readonly share: Pick<MembersTable, 'created_at' | 'ends_at' | 'withdrawn'> | undefined
  readonly key: KeyFinding
  /** The server that is to be, as far as it is known. */
  readonly server: { readonly diskGib?: number | undefined; readonly ramMib?: number | undefined }
  /** Set if the question is what would be if the image were shared now, and it is not. */
  readonly ifShared:
    | {
        /** Members of the image; null: without limit. */
        readonly members: Room | null
        /** When such a share would end; null: never by itself. */
        readonly endsAt: number | null
      }
    | undefined
  /** Bytes of the project, if it has a limit and who asks may know them. */
  readonly storage: Room | null
}

type Rule = BootReason['rule']

const told = (effect: BootReason['effect'], rule: Rule, text: string, next: string | null = null): BootReason => ({
  rule,
  effect,
  text,
  next,
})

const shareCommand = ({ image, project, key }: BootFacts): string =>
  `vitrine share ${image.id} ${project}${key.trouble === 'not_granted' ? ' --grant' : ''}`

const whatToDo = (facts: BootFacts, { rule, effect }: Remark): string | null => {
  if (effect !== 'denies') return null
  const owner = facts.image.owner ?? 'that owns it'
  return rule === 'visibility'
    ? `Project ${owner} can make it one that can be shared: vitrine image set ${facts.image.id} --visibility shared`
    : `Project ${owner} can share it: ${shareCommand(facts)}`
}

const asIfShared = ({ project, now }: BootFacts, { endsAt, members }: NonNullable<BootFacts['ifShared']>) => {
  const reasons = [told('informs', 'membership', `The question is asked as if the image were shared with ${project}.`)]
  if (members !== null && members.used >= members.limit) {
    reasons.push(
      told(
        'denies',
        'quota',
        `The image is shared with ${members.used} projects, and may be with ${members.limit}.`,
        'End a share that nobody needs, or ask the operator of this service to raise the limit.',
      ),
    )
  }
  if (endsAt !== null) {
    const date = wireDate(endsAt)
    reasons.push(
      endsAt <= now
        ? told('denies', 'end', `The image is withdrawn at ${date}.`, 'Its owner can take the withdrawal back.')
        : told('informs', 'end', `The share would end at ${date}, by a withdrawal that was announced.`),
    )
  }
  return reasons
}

const sight = (facts: BootFacts): BootReason[] => {
  if (facts.ifShared !== undefined && facts.image.visibility === 'shared') return asIfShared(facts, facts.ifShared)
  const remark = whySeen(facts)
  const rule = remark.rule === 'ownership' ? 'visibility' : remark.rule
  return [
    told(remark.effect, rule, remark.text, whatToDo(facts, remark)),
    ...endAhead(facts).map(({ effect, text }) => told(effect, 'end', text)),
  ]
}

const status = ({ image }: BootFacts): BootReason[] => {
  const remark = whyNoBytes(image)
  if (remark === undefined) return [told('allows', 'status', `The image is ${image.status}.`)]
  const owner = image.owner === null ? 'An administrator' : `Project ${image.owner}`
  const next =
    remark.rule === 'deactivated'
      ? `${owner} can unlock them: vitrine image set ${image.id} --active`
      : image.status === 'queued'
        ? `${owner} can upload them: vitrine image upload ${image.id} --file FILE`
        : 'Wait until it is active.'
  return [told('denies', 'status', remark.text, next)]
}

/** Containers that hold no disk, or one that no compute service takes out of them. */
const containersThatDoNotBoot: Partial<Record<ContainerFormat, string>> = {
  aki: 'holds a kernel alone',
  ari: 'holds a ramdisk alone',
  docker: 'holds a container image, which is no disk',
  compressed: 'holds a compressed disk, which only a volume can be made of',
}

const noteOnContainer: Partial<Record<ContainerFormat, string>> = {
  ami: 'It boots together with the kernel and the ramdisk that it names.',
  ova: 'The disk is inside an archive, which only some hypervisors take apart.',
}

const noteOnDisk: Partial<Record<DiskFormat, string>> = {
  iso: 'It boots as a CD: an installer or a live system, beside an empty disk.',
  vhd: 'A disk in the format vhd boots where the hypervisor of the cloud reads it, or the cloud converts it.',
  vhdx: 'A disk in the format vhdx boots where the hypervisor of the cloud reads it, or the cloud converts it.',
  vmdk: 'A disk in the format vmdk boots where the hypervisor of the cloud reads it, or the cloud converts it.',
  vdi: 'A disk in the format vdi boots where the hypervisor of the cloud reads it, or the cloud converts it.',
  ploop: 'A disk in the format ploop boots on Virtuozzo only.',
}

const format = ({ image }: BootFacts): BootReason[] => {
  const { disk_format: disk, container_format: container } = image
  const again = 'Upload the disk as a new image, in the format qcow2 or raw and the container bare.'
  if (disk === null || container === null) {
    const what = disk === null ? '--disk-format' : '--container-format'
    const name = disk === null ? 'disk format' : 'container format'
    const next =
      image.status === 'queued'
        ? `Say which: vitrine image set ${image.id} ${what} FORMAT`
        : `${again} That cannot be changed.`
    return [told('denies', 'format', `The image does not say its ${name}.`, next)]
  }
  const noDisk = containersThatDoNotBoot[container]
  if (noDisk !== undefined) {
    return [told('denies', 'format', `The image has the container format ${container}: it ${noDisk}.`, again)]
  }
  if (disk === 'aki' || disk === 'ari') {
    return [told('denies', 'format', `The image has the disk format ${disk}: it is no disk.`, again)]
  }
  const notes = [noteOnContainer[container], noteOnDisk[disk]].filter((note) => note !== undefined)
  return notes.length === 0
    ? [told('allows', 'format', `The image is a disk in the format ${disk}, which hypervisors boot.`)]
    : notes.map((note) => told('informs', 'format', note))
}

const gib = 1024 ** 3

/** GiB to which a size is rounded up, in as few digits as say it. */
const gibText = (bytes: number): string => {
  const hundredths = Math.ceil((bytes / gib) * 100)
  return String(hundredths / 100)
}

/** A disk of 0 GiB is one as large as the image needs, as in the flavors of OpenStack. */
const disk = ({ image, server: { diskGib } }: BootFacts): BootReason[] => {
  const { min_disk: least, size_bytes: size, virtual_size_bytes: virtualSize } = image
  const needed = Math.max(size ?? 0, virtualSize ?? 0)
  if (diskGib === undefined || diskGib === 0) {
    return least === 0 ? [] : [told('informs', 'min_disk', `The image asks for a disk of ${least} GiB or more.`)]
  }
  const next = 'Take a larger disk.'
  const reasons: BootReason[] = []
  if (least > diskGib) {
    const text = `The image asks for a disk of ${least} GiB or more, and this one has ${diskGib} GiB.`
    reasons.push(told('denies', 'min_disk', text, next))
  }
  if (needed > diskGib * gib) {
    const text = `The image takes ${gibText(needed)} GiB, which a disk of ${diskGib} GiB cannot hold.`
    reasons.push(told('denies', 'min_disk', text, next))
  }
  return reasons.length > 0 ? reasons : [told('allows', 'min_disk', `A disk of ${diskGib} GiB is large enough.`)]
}

const ram = ({ image: { min_ram: least }, server: { ramMib } }: BootFacts): BootReason[] => {
  if (ramMib === undefined) {
    return least === 0 ? [] : [told('informs', 'min_ram', `The image asks for ${least} MiB of memory or more.`)]
  }
  if (least <= ramMib) return [told('allows', 'min_ram', `${ramMib} MiB of memory are enough.`)]
  const text = `The image asks for ${least} MiB of memory or more, and this server has ${ramMib} MiB.`
  return [told('denies', 'min_ram', text, 'Take more memory.')]
}

const room = ({ image, project, storage }: BootFacts): BootReason[] => {
  if (storage === null || image.owner === project || image.size_bytes === null) return []
  if (storage.used + image.size_bytes <= storage.limit) return []
  const text = `A copy in project ${project} would not fit: its images take up ${storage.used} of ${storage.limit} bytes, and this one has ${image.size_bytes}.`
  return [told('informs', 'quota', text, 'It can be booted without a copy; for one, delete an image first.')]
}

const content = ({ image }: BootFacts): BootReason[] => {
  if (image.encrypted_content !== 'luks') return []
  const text =
    image.encryption === 'client'
      ? 'The disk inside is encrypted with LUKS; whoever boots it opens it with the key.'
      : 'The disk inside is encrypted with LUKS: it boots only with its passphrase, which this service does not know.'
  const next = image.encryption === 'client' ? null : 'Ask whoever made the image for the passphrase.'
  return [told('informs', 'content', text, next)]
}

/** Whether a project could boot an image, and why. */
export const judgeBoot = (facts: BootFacts): BootAnswer => {
  const key = whyKey(facts.image, facts.project, facts.key, { isShared: facts.relation !== 'none' })
  const reasons = [
    ...sight(facts),
    ...status(facts),
    ...(key === undefined ? [] : [key]),
    ...format(facts),
    ...disk(facts),
    ...ram(facts),
    ...room(facts),
    ...content(facts),
  ]
  return { can_boot: reasons.every(({ effect }) => effect !== 'denies'), reasons }
}

/** The same in short: only what stands against it, or is to be known. */
export const inShort = ({ can_boot, reasons }: BootAnswer): BootAnswer => ({
  can_boot,
  reasons: reasons.filter(({ effect }) => effect !== 'allows'),
})
