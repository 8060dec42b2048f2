import type { ContainerFormat, DiskFormat, Image, ImageAttributes, ImageService, Visibility } from '@vitrine/sdk'
import type { Pair } from '../arguments.ts'
import { ToldError, usageError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { findKey } from '../find-key.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { tellError } from '../tell-error.ts'
import { printable } from '../text.ts'
import { imageView } from '../views.ts'
import { cleanUpTimeoutMs, sendBytes } from './send-bytes.ts'
import { openUploadMemory, type UploadMemory } from './upload-memory.ts'
import { guessDiskFormat, openUpload } from './upload-source.ts'

export interface ImageCreateOptions extends OutputOptions {
  file?: string
  diskFormat?: DiskFormat
  containerFormat: ContainerFormat
  visibility?: Visibility
  property?: Pair[]
  tag?: string[]
  minDisk?: number
  minRam?: number
  protected?: boolean
  hidden?: boolean
  id?: string
  /** What the bytes must turn out to be. */
  expectHash?: string
  expectSize?: number
  encrypt?: boolean
  /** Of this key: id, beginning of it, or name. */
  key?: string
  progress: boolean
  resume: boolean
}

/** The format to create the image with. A guess is told, so that a wrong one is noticed. */
const diskFormatOf = async (invocation: Invocation, options: ImageCreateOptions): Promise<DiskFormat | undefined> => {
  if (options.diskFormat !== undefined || options.file === undefined) return options.diskFormat
  const guess = guessDiskFormat(options.file)
  if (guess === undefined) {
    throw usageError(
      `The disk format of ${printable(options.file)} is not clear.`,
      'Name it: --disk-format qcow2, raw, ...',
    )
  }
  await say(invocation, `Disk format ${guess}, by the extension of the file.`)
  return guess
}

const attributesOf = (
  name: string,
  diskFormat: DiskFormat | undefined,
  options: ImageCreateOptions,
): ImageAttributes => ({
  ...Object.fromEntries(options.property ?? []),
  vitrine_expected_hash: options.expectHash,
  vitrine_expected_size: options.expectSize === undefined ? undefined : String(options.expectSize),
  id: options.id,
  name,
  disk_format: diskFormat,
  container_format: options.containerFormat,
  visibility: options.visibility,
  tags: options.tag,
  min_disk: options.minDisk,
  min_ram: options.minRam,
  protected: options.protected,
  os_hidden: options.hidden,
})

/** A record whose bytes did not arrive is of no use to anyone: it goes again. */
const removeAgain = async (invocation: Invocation, image: Image): Promise<void> => {
  const signal = AbortSignal.timeout(cleanUpTimeoutMs)
  try {
    // A protected image refuses to be deleted.
    if (image.protected) await image.update({ protected: false }, undefined, { signal })
    await image.delete({ signal })
    await say(invocation, `The new image ${image.id} was removed again; nothing is left of it.`)
  } catch {
    await say(
      invocation,
      `The new image ${image.id} is left without bytes. Remove it: vitrine image delete ${image.id}`,
    )
  }
}

/** Has the bytes that will come encrypted. */
const encryptNew = async (invocation: Invocation, service: ImageService, image: Image, keyId: string | undefined) => {
  const { signal } = invocation
  const made = image.encrypt({ keyId }, { signal })
  const encryption = await needsVitrine(invocation, service, 'Encrypting an image is', made)
  const which = keyId === undefined ? 'the default key' : 'the key'
  await say(invocation, `Its bytes are encrypted under ${which} ${printable(encryption.keyId ?? '')}.`)
}

/** The image of the same command that was ended in the midst of its upload, if it still waits for the rest. */
const begunBefore = async (
  invocation: Invocation,
  service: ImageService,
  memory: UploadMemory | undefined,
): Promise<Image | undefined> => {
  if (memory?.found === undefined) return undefined
  try {
    const image = await service.getImage(memory.found.imageId, { signal: invocation.signal })
    if (image.status === 'saving') {
      await say(invocation, `Going on with the upload of ${image.id} that was cut off.`)
      return image
    }
  } catch (error) {
    const { NotFoundError } = await import('@vitrine/sdk')
    if (!(error instanceof NotFoundError)) throw error
  }
  await memory.forget()
  return undefined
}

export const createImage = async (invocation: Invocation, name: string, options: ImageCreateOptions): Promise<void> => {
  const upload = options.file === undefined ? undefined : await openUpload(invocation, options.file)
  const diskFormat = await diskFormatOf(invocation, options)
  const { service } = await connect(invocation)
  const key = options.key === undefined ? undefined : await findKey(invocation, service, options.key)
  const attributes = attributesOf(name, diskFormat, options)
  const purpose = `create ${JSON.stringify([attributes, options.encrypt === true, key?.id ?? null])}`
  const memory = options.resume ? await openUploadMemory(invocation, service, upload?.file, purpose) : undefined
  const begun = await begunBefore(invocation, service, memory)
  const image = begun ?? (await service.createImage(attributes, invocation))
  try {
    // Before any byte is sent: what was to be encrypted never arrives plain.
    const isToEncrypt = begun === undefined && (options.encrypt === true || key !== undefined)
    if (isToEncrypt) await encryptNew(invocation, service, image, key?.id)
    if (upload !== undefined) await sendBytes(invocation, image, upload, options.progress, memory)
  } catch (error) {
    const exitCode = await tellError(invocation, error)
    await memory?.forget()
    await removeAgain(invocation, image)
    throw new ToldError(exitCode)
  }
  await writeRecord(invocation, imageView, image, options)
  if (upload === undefined) {
    await say(invocation, `The image has no bytes yet: vitrine image upload ${image.id} --file FILE`)
  }
}
