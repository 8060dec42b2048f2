import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ImageService } from '@vitrine/sdk'
import type { Invocation } from '../context.ts'
import type { FileIdentity } from './upload-source.ts'

/** An upload that can be gone on with, even after this command was killed. */
export interface KeptUpload {
  imageId: string
  uploadId: string
}

/** Where it is written down which upload a file was being sent by. */
export interface UploadMemory {
  readonly found: KeptUpload | undefined
  isKept(): boolean
  keep(upload: KeptUpload): Promise<void>
  forget(): Promise<void>
}

/** https://specifications.freedesktop.org/basedir-spec/latest/ */
const stateFolder = ({ environment }: Invocation): string =>
  join(environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state'), 'vitrine', 'uploads')

const isKeptUpload = (value: unknown): value is KeptUpload =>
  typeof value === 'object' &&
  value !== null &&
  'imageId' in value &&
  typeof value.imageId === 'string' &&
  'uploadId' in value &&
  typeof value.uploadId === 'string'

const read = async (path: string): Promise<KeptUpload | undefined> => {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isKeptUpload(value) ? value : undefined
  } catch {
    return undefined
  }
}

const writeWhole = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, path)
}

/**
 * @param file its size and time tell whether it is still the same one; of the standard input nothing is remembered
 * @param purpose what the file is sent for
 */
export const openUploadMemory = async (
  invocation: Invocation,
  service: ImageService,
  file: FileIdentity | undefined,
  purpose: string,
): Promise<UploadMemory | undefined> => {
  if (file === undefined) return undefined
  const identity = JSON.stringify([await service.endpoint(), purpose, file.path, file.sizeBytes, file.modifiedAtMs])
  const path = join(stateFolder(invocation), `${createHash('sha256').update(identity).digest('hex')}.json`)
  const found = await read(path)
  let isKept = found !== undefined
  return {
    found,
    isKept: () => isKept,
    keep: async (upload) => {
      // Without a place to write it down, the upload is only not gone on with.
      await writeWhole(path, JSON.stringify(upload)).then(
        () => {
          isKept = true
        },
        () => undefined,
      )
    },
    forget: async () => {
      isKept = false
      await rm(path, { force: true })
    },
  }
}
