import { createHash, getHashes, type Hash } from 'node:crypto'
import { lstat, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Image, ImageDownload, OnProgress } from '@vitrine/sdk'
import type { KeptDownload } from '@vitrine/sdk/node'
import { CommandError, ToldError, usageError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findImage } from '../find-image.ts'
import { showProgress } from '../progress.ts'
import { tellError } from '../tell-error.ts'
import { printable } from '../text.ts'
import { formatBytes } from '../units.ts'

export interface ImageDownloadOptions {
  output?: string
  force?: boolean
  progress: boolean
  resume: boolean
}

/**
 * A file name made of the image's name. That name comes from another project: it must not lead out of the folder, hide
 * the file or hold what a shell would take apart.
 */
export const fileNameOf = (image: Pick<Image, 'id' | 'name' | 'diskFormat'>): string => {
  const plain = (image.name ?? '').replaceAll(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^[._-]+/, '')
  const stem = plain === '' ? image.id : plain.slice(0, 100)
  const extension = image.diskFormat?.replaceAll(/[^a-z0-9]/gi, '')
  return !extension || stem.toLowerCase().endsWith(`.${extension}`) ? stem : `${stem}.${extension}`
}

const find = <T>(stats: Promise<T>): Promise<T | undefined> => stats.catch(() => undefined)

/** @throws CommandError when nothing can be written there */
const targetOf = async (image: Image, { output, force }: ImageDownloadOptions): Promise<string> => {
  const wanted = output ?? fileNameOf(image)
  const there = await find(stat(wanted))
  if (there !== undefined && !there.isFile() && !there.isDirectory()) {
    throw new CommandError(
      ExitCode.conflict,
      `${wanted} is no file that could be replaced.`,
      `To write into it: -o - > ${wanted}`,
    )
  }
  const path = there?.isDirectory() === true ? join(wanted, fileNameOf(image)) : wanted
  if (force !== true && (await find(lstat(path))) !== undefined) {
    throw new CommandError(
      ExitCode.conflict,
      `${path} exists already.`,
      'Name another file with -o, or replace it with --force.',
    )
  }
  const folder = dirname(path)
  if ((await find(stat(folder)))?.isDirectory() === true) return path
  throw new CommandError(ExitCode.error, `There is no folder ${folder}.`, 'Make it, or name another file with -o.')
}

// As long as bytes come, a person would only start it again.
const maxResumes = 1000

/** What is left of a download that failed. */
const tellKept = ({ path, sizeBytes }: KeptDownload): string =>
  `${formatBytes(sizeBytes)} are kept in ${printable(path)}. To go on from there, run the same command again.`

const toFile = async (invocation: Invocation, image: Image, options: ImageDownloadOptions): Promise<void> => {
  const { downloadFile } = await import('@vitrine/sdk/node')
  const path = await targetOf(image, options)
  const display = showProgress(invocation, `Downloading ${printable(image.name ?? image.id)}`, options.progress)
  let kept: KeptDownload | undefined
  try {
    const saved = await downloadFile(image, path, {
      signal: invocation.signal,
      onProgress: display.onProgress,
      resume: options.resume,
      maxResumes,
      onTakenUp: (sizeBytes) => {
        invocation.talk.stream.write(`Going on from ${formatBytes(sizeBytes)} of an earlier download.\n`)
      },
      onKept: (told) => {
        kept = told
      },
    }).finally(display.end)
    const verified =
      saved.verified === undefined ? 'the cloud has no digest of it' : `${saved.verified.algorithm} verified`
    await say(invocation, `Saved ${printable(path)} (${formatBytes(saved.sizeBytes)}, ${verified}).`)
  } catch (error) {
    if (kept === undefined) throw error
    const exitCode = await tellError(invocation, error)
    await say(invocation, tellKept(kept))
    throw new ToldError(exitCode)
  }
}

interface Expected {
  digest: string
  hash: Hash
}

/** The strongest digest that both sides know. */
const expect = ({ checksum }: ImageDownload): Expected | undefined => {
  const { algorithm, value, md5 } = checksum
  const known = getHashes()
  if (algorithm !== undefined && value !== undefined && known.includes(algorithm)) {
    return { digest: value, hash: createHash(algorithm) }
  }
  return md5 === undefined || !known.includes('md5') ? undefined : { digest: md5, hash: createHash('md5') }
}

async function* hashed(
  download: ImageDownload,
  expected: Expected | undefined,
  onProgress: OnProgress | undefined,
): AsyncGenerator<Uint8Array, undefined> {
  let transferredBytes = 0
  for await (const chunk of download) {
    expected?.hash.update(chunk)
    yield chunk
    transferredBytes += chunk.byteLength
    onProgress?.({ transferredBytes, totalBytes: download.sizeBytes })
  }
}

const toStdout = async (
  invocation: Invocation,
  image: Image,
  { progress, force }: ImageDownloadOptions,
): Promise<void> => {
  const { out, signal } = invocation
  if (out.isTerminal && force !== true) {
    throw usageError(
      'The bytes of an image would garble this terminal.',
      'Pipe them somewhere, or name a file with -o.',
    )
  }
  const download = await image.downloadData({ signal })
  const expected = expect(download)
  const display = showProgress(invocation, `Downloading ${printable(image.name ?? image.id)}`, progress)
  await pipeline(hashed(download, expected, display.onProgress), out.stream, { signal, end: false }).finally(
    display.end,
  )
  const digest = expected?.hash.digest('hex')
  if (digest !== expected?.digest) {
    throw new CommandError(
      ExitCode.error,
      'The bytes that were written are not the ones that the service knows: their digest is another one.',
      'Throw them away and download again.',
    )
  }
  const verified = expected === undefined ? 'the cloud has no digest to check them with' : 'verified'
  await say(invocation, `Wrote ${formatBytes(image.size ?? 0)} (${verified}).`)
}

export const downloadImage = async (
  invocation: Invocation,
  reference: string,
  options: ImageDownloadOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, invocation)
  await (options.output === '-' ? toStdout : toFile)(invocation, image, options)
}
