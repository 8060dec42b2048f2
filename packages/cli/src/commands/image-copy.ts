import type { Image } from '@vitrine/sdk'
import { CommandError, usageError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import { findKey } from '../find-key.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { imageView } from '../views.ts'

export interface ImageCopyOptions extends OutputOptions {
  name?: string
  encrypt?: boolean
  plain?: boolean
  key?: string
  wait?: boolean
}

/** Undefined: as the image is. */
const encryptionOf = ({ encrypt, plain, key }: ImageCopyOptions): boolean | undefined => {
  if (plain !== true) return encrypt === true || key !== undefined ? true : undefined
  if (encrypt === true || key !== undefined) throw usageError('A copy is either plain or encrypted.')
  return false
}

const wait = async (copy: Image, signal: AbortSignal): Promise<void> => {
  try {
    await copy.waitWhileSaving({ signal })
  } catch (error) {
    if (copy.status === 'saving' || copy.status === 'active') throw error
    const next = `Why: vitrine events ${copy.id}. To remove it: vitrine image delete ${copy.id}`
    throw new CommandError(ExitCode.error, `The copy failed; the image ${copy.id} is ${copy.status}.`, next)
  }
}

/** Copies an image into the own project, an encrypted one under the own key. */
export const copyImage = async (
  invocation: Invocation,
  reference: string,
  options: ImageCopyOptions,
): Promise<void> => {
  const encrypt = encryptionOf(options)
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const keyId = options.key === undefined ? undefined : (await findKey(invocation, service, options.key)).id
  const begun = image.copy({ name: options.name, encrypt, keyId }, { signal })
  const copy = await needsVitrine(invocation, service, 'Copying an image is', begun)
  const progress = `vitrine image show ${copy.id}`
  if (options.wait === true) {
    // Who stops waiting stops only that.
    await say(invocation, `The image is being copied to ${copy.id}. How it stands: ${progress}`)
    await wait(copy, signal)
  }
  await writeRecord(invocation, imageView, copy, options)
  if (options.wait !== true) await say(invocation, `It is being copied. How it stands: ${progress}`)
}
