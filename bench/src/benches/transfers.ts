import { type Account, createImage, requestText } from '../api.ts'
import { sealImage } from '../keys-api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Transfer } from '../load-job.ts'
import type { Contestant } from '../rounds.ts'

export const gibibyte = 1024 ** 3

/**
 * The upload of bytes to an image that waits for them.
 * @param store of those of the service; without it, the default
 */
export const uploadTo = (id: string, { token }: Account, sizeBytes: number, store?: string): Transfer => ({
  direction: 'upload',
  head: requestText('PUT', `/v2/images/${id}/file`, {
    'X-Auth-Token': token,
    ...(store === undefined ? {} : { 'X-Image-Meta-Store': store }),
    'Content-Type': 'application/octet-stream',
    'Content-Length': sizeBytes,
  }),
  sizeBytes,
  status: 204,
})

/** The download of an image with so many bytes. */
export const downloadOf = (id: string, { token }: Account, sizeBytes: number): Transfer => ({
  direction: 'download',
  head: requestText('GET', `/v2/images/${id}/file`, { 'X-Auth-Token': token }),
  sizeBytes,
  status: 200,
})

/** @returns seconds of the one transfer */
export const transfer = async ({ load }: Lab, port: number, one: Transfer): Promise<number> => {
  const { seconds } = await load.transfers({ port, transfers: [one] })
  return seconds[0] ?? Number.NaN
}

/** The same transfer over and over, one after the other; counted in GB. */
export const repeating = (
  lab: Lab,
  name: string,
  server: { readonly pid: number | null; readonly port: number },
  one: Transfer | (() => Transfer),
): Contestant => ({
  name,
  pid: server.pid,
  run: async (durationMs) => {
    let seconds = 0
    let count = 0
    while (seconds * 1000 < durationMs) {
      const next = typeof one === 'function' ? one() : one
      seconds += await transfer(lab, server.port, next)
      count += next.sizeBytes / 1e9
    }
    return { count, seconds }
  },
})

/** Makes an image of the producer that waits for its bytes; they will be sealed, or stored as they are. */
export const createFor = async (
  { url, producer }: Pick<Running, 'url' | 'producer'>,
  form: 'plain' | 'sealed',
  keyId?: string,
): Promise<string> => {
  const id = await createImage(url, producer, 'benchmark')
  if (form === 'sealed') await sealImage(url, producer, id, keyId)
  return id
}

/** Makes an image of the producer and uploads its bytes. */
export const uploadNew = async (
  lab: Lab,
  service: Running,
  sizeBytes: number,
  form: 'plain' | 'sealed' = 'plain',
  store?: string,
): Promise<{ id: string; seconds: number }> => {
  const { port, producer } = service
  const id = await createFor(service, form)
  return { id, seconds: await transfer(lab, port, uploadTo(id, producer, sizeBytes, store)) }
}

/** Bytes as people count them here. */
export const size = (bytes: number): string => {
  const mebibytes = bytes / 1024 ** 2
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes.toFixed(0)} MiB`
}
