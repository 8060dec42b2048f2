import type { Service } from '../service.ts'
import { expiryOf } from './end.ts'
import { changeOwnUpload, findUpload, type Upload } from './queries.ts'
import type { Unfinished } from './unfinished.ts'

// What a crash costs: so many bytes, or those of so long a time, are sent again.
const noteEveryBytes = 24 * 1024 * 1024
const noteEveryMs = 5_000
const watchEveryMs = 2_000
/** Without a look at the database for so long, another process may soon take this one for dead. */
const certainForMs = 20_000

/** Writes bytes, and keeps a note in the database of how many of them are durable. */
export interface Keeping {
  write(bytes: Uint8Array): Promise<void>
  /** Takes no more notes. No write may be under way. */
  end(): Promise<void>
}

/**
 * @param takesNotes false: none of the bytes may count before all of them are there
 * @param stop called when the upload is not this process's any more, or another one wants it
 */
export const keepNotes = (
  service: Service,
  upload: Upload,
  bytes: Unfinished,
  { takesNotes, stop }: { readonly takesNotes: boolean; readonly stop: () => void },
): Keeping => {
  const { database, presence, now, log } = service
  let failure: { readonly error: unknown } | undefined
  let notedBytes = upload.offset_bytes
  let notedAt = performance.now()
  let noting: Promise<void> | undefined
  let certainAt = performance.now()

  const lookAgain = async (): Promise<void> => {
    const at = performance.now()
    const current = await findUpload(database.read, upload.image_id, upload.id)
    const isOurs = current?.state === 'open' && current.process_id === presence.processId
    if (isOurs) certainAt = at
    if (!isOurs || current.wanted === 1) stop()
  }
  let looking: Promise<void> | undefined
  const look = (): Promise<void> => {
    looking ??= lookAgain()
      .catch((error: unknown) => log.error({ err: error }, 'it could not be looked whether an upload is wanted'))
      .finally(() => {
        looking = undefined
      })
    return looking
  }
  const timer = setInterval(() => void look(), watchEveryMs)
  timer.unref()

  const note = async (isTime: boolean): Promise<void> => {
    const offsetBytes = await bytes.syncSome()
    // The last byte counts when all of them are what they should be.
    if (offsetBytes <= notedBytes || offsetBytes >= upload.size_bytes) return
    // What is durable may be far behind what was received, and grow by little each time.
    if (!isTime && offsetBytes - notedBytes < noteEveryBytes / 2) return
    notedBytes = offsetBytes
    notedAt = performance.now()
    const changes = { offset_bytes: offsetBytes, tail: null, expires_at: expiryOf(service, now()) }
    if (!(await database.write((tx) => changeOwnUpload(tx, upload.id, presence.processId, changes)))) stop()
  }

  const noteNowAndThen = (): void => {
    const fresh = bytes.receivedBytes() - notedBytes
    const isTime = fresh > 0 && performance.now() - notedAt >= noteEveryMs
    if (!takesNotes || noting !== undefined || !(isTime || fresh >= noteEveryBytes)) return
    noting = note(isTime)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        noting = undefined
      })
  }

  return {
    write: async (piece) => {
      if (failure !== undefined) throw failure.error
      // Whoever stood still must not write into what another one goes on with.
      while (performance.now() - certainAt > certainForMs) {
        await look()
        if (performance.now() - certainAt > certainForMs) throw new Error('It is not certain whose the upload is.')
      }
      await bytes.write(piece)
      noteNowAndThen()
    },
    end: async () => {
      clearInterval(timer)
      await noting
      await looking
    },
  }
}
