import type { Image, ImportAttributes, ImportState } from '@vitrine/sdk'
import { CommandError, usageError } from '../command-error.ts'
import { connect, projectOf } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findImage, ownedBy } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { taskView } from '../store-views.ts'
import { imageView } from '../views.ts'
import { wireDocuments } from '../wire.ts'

export interface ImageImportOptions extends OutputOptions {
  method?: ImportAttributes['method']
  uri?: string
  fromRegion?: string
  fromImage?: string
  fromInterface?: string
  store?: string[]
  allStores?: boolean
  allowFailure?: boolean
  expectHash?: string
  expectSize?: number
  wait?: boolean
}

/** The method that the options mean; undefined if the image has to tell. */
const meantMethod = ({ method, uri, fromRegion, fromImage }: ImageImportOptions) => {
  const meant = uri !== undefined ? 'web-download' : (fromRegion ?? fromImage) ? 'glance-download' : undefined
  if (uri !== undefined && (fromRegion ?? fromImage) !== undefined) {
    throw usageError('An image is imported from an address, or from a region.')
  }
  if (method !== undefined && meant !== undefined && method !== meant) {
    throw usageError(`These options belong to the method ${meant}, not to ${method}.`)
  }
  return method ?? meant
}

/** Bytes that are there already can only go to further stores, and staged ones only become the image. */
const impliedBy = ({ id, status }: Image): 'copy-image' | 'glance-direct' => {
  if (status === 'active') return 'copy-image'
  if (status === 'uploading') return 'glance-direct'
  const next = `Say it with --uri, or with --from-region and --from-image, or stage bytes first: vitrine image stage ${id} --file FILE`
  throw usageError(`The image is ${status}: it is not clear where its bytes come from.`, next)
}

const sourceOf = (options: ImageImportOptions, image: Image): ImportAttributes => {
  const method = meantMethod(options) ?? impliedBy(image)
  if (method === 'web-download') {
    if (options.uri === undefined) throw usageError('Say with --uri where the bytes are.')
    return { method, uri: options.uri }
  }
  if (method === 'glance-download') {
    const { fromRegion: region, fromImage: imageId, fromInterface: serviceInterface } = options
    if (region === undefined || imageId === undefined) {
      throw usageError('Say with --from-region and --from-image which image of which region it is.')
    }
    return { method, region, imageId, serviceInterface }
  }
  return { method }
}

const targetOf = ({ store: stores, allStores, allowFailure, expectHash, expectSize }: ImageImportOptions) => {
  if (stores !== undefined && allStores === true) throw usageError('Name stores, or take all of them.')
  const isExpected = expectHash !== undefined || expectSize !== undefined
  const expected = isExpected ? { hash: expectHash, sizeBytes: expectSize } : undefined
  return { stores, allStores, allStoresMustSucceed: allowFailure === true ? false : undefined, expected }
}

/** How far an import is, as a line. */
export const importLine = ({ status, stores, waitingStores, failedStores }: ImportState): string => {
  const parts = [
    stores.length > 0 ? `in ${stores.join(', ')}` : '',
    waitingStores.length > 0 ? `still to do ${waitingStores.join(', ')}` : '',
    failedStores.length > 0 ? `failed in ${failedStores.join(', ')}` : '',
  ].filter((part) => part !== '')
  return [`The image is ${status}`, ...parts].join('; ')
}

const wait = async (invocation: Invocation, image: Image): Promise<void> => {
  const { ImportFailedError } = await import('@vitrine/sdk')
  const lines: Promise<void>[] = []
  const onChange = (state: ImportState) => void lines.push(say(invocation, `${importLine(state)}.`))
  try {
    await image.waitForImport({ signal: invocation.signal, onChange })
  } catch (error) {
    if (!(error instanceof ImportFailedError)) throw error
    const again = image.status === 'queued' ? ' It can be imported again.' : ''
    throw new CommandError(ExitCode.error, `${error.message}${again}`, `More: vitrine image tasks ${image.id}`)
  } finally {
    await Promise.all(lines)
  }
}

/** Has the service import the bytes of an image, or copy them into further stores. */
export const importImage = async (
  invocation: Invocation,
  reference: string,
  options: ImageImportOptions,
): Promise<void> => {
  const { signal } = invocation
  meantMethod(options)
  const target = targetOf(options)
  const connection = await connect(invocation)
  const prefer = ownedBy(projectOf(connection).id)
  const image = await findImage(connection.service, reference, { signal, prefer })
  await image.import({ ...sourceOf(options, image), ...target }, { signal })
  // Who stops waiting stops only that.
  await say(invocation, `The image is being imported. How it stands: vitrine image tasks ${image.id}`)
  if (options.wait === true) await wait(invocation, image)
  await writeRecord(invocation, imageView, image, options)
}

/** What was and is done for an image in the background. */
export const listImageTasks = async (
  invocation: Invocation,
  reference: string,
  options: OutputOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const tasks = image.listTasks({ signal })
  const count = await writeList(invocation, taskView, wireDocuments(tasks), options)
  if (count === 0) await say(invocation, 'Nothing was imported into this image by your project.')
}
