import { constants, lstat, open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** A certificate that is there and cannot be read. Its message is for a log: it holds the path. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/**
 * Where certificates are found by their id: a UUID in small letters.
 * @returns PEM or DER; undefined for what the holder of the token cannot have
 * @throws KeyError `unavailable`; CertificateError
 */
export type Certificates = (id: string, token: string | null) => Promise<Uint8Array | undefined>

const idForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const endings = ['pem', 'crt', 'der']

/** Ten times what the largest usual one has. */
const bytesMax = 64 * 1024

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

const isThere = async (path: string): Promise<boolean> => {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** @throws Error that tells what is wrong with the file */
const readInside = async (folder: string, path: string): Promise<Uint8Array> => {
  const real = await realpath(path)
  // Links within the folder are common: Kubernetes mounts secrets by them.
  if (!real.startsWith(`${await realpath(folder)}${sep}`)) throw new Error('it leads out of the folder')
  // Nobody waits here for the other end of a pipe.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new Error('it is no file')
    if (found.size > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Certificates that an operator puts into a folder, as `UUID.pem`, `UUID.crt` or `UUID.der`: whoever signs images is known by them. */
export const certificateFolder =
  (folder: string): Certificates =>
  async (id) => {
    // The id comes from a property of an image; nothing but a UUID becomes part of a path.
    if (!idForm.test(id)) return undefined
    for (const ending of endings) {
      const path = join(folder, `${id}.${ending}`)
      try {
        if (await isThere(path)) return await readInside(folder, path)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new CertificateError(`The certificate ${path} cannot be read: ${why}.`, { cause: error })
      }
    }
    return undefined
  }
