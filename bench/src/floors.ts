import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.ts'

/**
 * Hashes bytes from memory, several algorithms at the same time in threads of one process.
 * @param core of the process; null: any
 * @returns seconds
 */
export const hashSeconds = async (
  algorithms: readonly string[],
  sizeBytes: number,
  core: number | null,
): Promise<number> => {
  const args = [join(import.meta.dirname, 'hash-alone.ts'), String(sizeBytes), ...algorithms]
  await using child = startChild(process.execPath, args, { core })
  const [, seconds] = await child.firstMatch(/took (\S+)/)
  return Number(seconds)
}

/**
 * Inspects bytes from memory.
 * @param core of the process; null: any
 * @returns seconds
 */
export const inspectSeconds = async (
  kind: 'qcow2' | 'raw' | 'ova',
  sizeBytes: number,
  core: number | null,
): Promise<number> => {
  const args = [fileURLToPath(import.meta.resolve('./inspect-alone.ts')), String(sizeBytes), kind]
  await using child = startChild(process.execPath, args, { core })
  const [, seconds] = await child.firstMatch(/took (\S+)/)
  return Number(seconds)
}

/** Writes a new file and syncs it once, as an upload without hashes and without a network would. Returns seconds. */
export const writeSeconds = async (folder: string, sizeBytes: number): Promise<number> => {
  const path = join(folder, 'write-floor')
  const chunk = randomBytes(1024 * 1024)
  const file = await open(path, 'w')
  try {
    const started = performance.now()
    for (let left = sizeBytes; left > 0; left -= chunk.length) await file.write(chunk, 0, Math.min(left, chunk.length))
    await file.sync()
    return (performance.now() - started) / 1000
  } finally {
    await file.close()
    await rm(path)
  }
}

/** Appends of a database page that the disk makes durable one after the other, a second. */
export const syncsPerSecond = async (folder: string, durationMs = 1000): Promise<number> => {
  const path = join(folder, 'sync-floor')
  const page = randomBytes(4096)
  const file = await open(path, 'w')
  try {
    const started = performance.now()
    let count = 0
    while (performance.now() - started < durationMs) {
      await file.write(page)
      await file.datasync()
      count += 1
    }
    return (count / (performance.now() - started)) * 1000
  } finally {
    await file.close()
    await rm(path)
  }
}

/**
 * Encrypts or decrypts bytes in memory with `node:crypto`, in chunks as the service does.
 * @param core of the process; null: any
 * @returns seconds
 */
export const aesSeconds = async (
  direction: 'seal' | 'open',
  sizeBytes: number,
  core: number | null,
): Promise<number> => {
  const args = [fileURLToPath(import.meta.resolve('./aes-alone.ts')), direction, String(sizeBytes)]
  await using child = startChild(process.execPath, args, { core })
  const [, seconds] = await child.firstMatch(/took (\S+)/)
  return Number(seconds)
}

/** What `openssl speed -evp aes-256-gcm -bytes 65536` comes to by the clock, in bytes a second. */
export const opensslAesSpeed = async (
  openssl: string,
  { core, seconds, logPath }: { core: number | null; seconds: number; logPath: string },
): Promise<number> => {
  const args = ['speed', '-elapsed', '-mr', '-seconds', String(seconds), '-bytes', '65536', '-evp', 'aes-256-gcm']
  await using child = startChild(openssl, args, { core, logPath })
  const [, bytesPerSecond] = await child.firstMatch(/^\+F:\d+:AES-256-GCM:([\d.]+)$/)
  return Number(bytesPerSecond)
}
