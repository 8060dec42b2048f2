import {
  type ContainerFormat,
  type DiskFormat,
  type Image,
  type JsonValue,
  PatchDocument,
  PatchOperation,
  type Visibility,
} from '@vitrine/sdk'
import type { Pair } from '../arguments.ts'
import { usageError } from '../command-error.ts'
import { connect, projectOf } from '../connect.ts'
import type { Invocation } from '../context.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { imageView } from '../views.ts'

export interface ImageSetOptions extends OutputOptions {
  name?: string
  visibility?: Visibility
  diskFormat?: DiskFormat
  containerFormat?: ContainerFormat
  minDisk?: number
  minRam?: number
  protected?: boolean
  hidden?: boolean
  property?: Pair[]
  unsetProperty?: string[]
  tag?: string[]
  untag?: string[]
  active?: boolean
}

const baseChanges = (options: ImageSetOptions): [string, JsonValue][] => {
  const changes: [string, JsonValue | undefined][] = [
    ['name', options.name],
    ['visibility', options.visibility],
    ['disk_format', options.diskFormat],
    ['container_format', options.containerFormat],
    ['min_disk', options.minDisk],
    ['min_ram', options.minRam],
    ['protected', options.protected],
    ['os_hidden', options.hidden],
  ]
  return changes.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
}

const tagChange = (image: Image, { tag = [], untag = [] }: ImageSetOptions): PatchOperation[] => {
  if (tag.length + untag.length === 0) return []
  const tags = new Set([...image.tags, ...tag])
  for (const each of untag) tags.delete(each)
  return [new PatchOperation('replace', 'tags', [...tags])]
}

/** One document for everything, so that either all of it is changed or nothing. */
const patchOf = (image: Image, options: ImageSetOptions): PatchDocument =>
  new PatchDocument([
    ...baseChanges(options).map(([name, value]) => new PatchOperation('replace', name, value)),
    ...(options.property ?? []).map(
      ([name, value]) => new PatchOperation(image.has(name) ? 'replace' : 'add', name, value),
    ),
    // What is gone already need not be taken away.
    ...(options.unsetProperty ?? [])
      .filter((name) => image.has(name))
      .map((name) => new PatchOperation('remove', name)),
    ...tagChange(image, options),
  ])

const changesNothing = (options: ImageSetOptions): boolean =>
  baseChanges(options).length === 0 &&
  options.active === undefined &&
  [options.property, options.unsetProperty, options.tag, options.untag].every((list) => list === undefined)

export const setImage = async (invocation: Invocation, reference: string, options: ImageSetOptions): Promise<void> => {
  if (changesNothing(options)) throw usageError('Nothing to change was named.', 'See: vitrine image set --help')
  const { signal } = invocation
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  const patch = patchOf(image, options)
  if (patch.operations.length > 0) await image.patch(patch, { signal })
  if (options.active === true) await image.reactivate({ signal })
  if (options.active === false) await image.deactivate({ signal })
  await writeRecord(invocation, imageView, image, options)
}
