import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Where certificates are found by their id: a UUID in small letters.
 * @returns PEM or DER; undefined for what the holder of the token cannot have
 * @throws KeyError `unavailable`
 */
export type Certificates = (id: string, token: string | null) => Promise<Uint8Array | undefined>

const idForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const endings = ['pem', 'crt', 'der']

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

/** Certificates that an operator puts into a folder, as `UUID.pem`, `UUID.crt` or `UUID.der`: whoever signs images is known by them. */
export const certificateFolder =
  (folder: string): Certificates =>
  async (id) => {
    // The id comes from a property of an image; nothing but a UUID becomes part of a path.
    if (!idForm.test(id)) return undefined
    for (const ending of endings) {
      try {
        return await readFile(join(folder, `${id}.${ending}`))
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
    return undefined
  }
