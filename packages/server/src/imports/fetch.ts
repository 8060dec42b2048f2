import { apiError } from '../api-error.ts'
import type { Write } from '../data/attempt.ts'
import { sealingBy } from '../data/image-keys.ts'
import type { Cause } from '../events/events.ts'
import type { Image } from '../images/image.ts'
import { OutboundError } from '../outbound/error.ts'
import type { ImportSource } from '../outbound/settings.ts'
import type { Service } from '../service.ts'
import { fromRegion } from './region.ts'
import type { ImportOrigin } from './work.ts'

/** How the first copy comes. */
export interface Fetch extends Pick<Write, 'open' | 'expected' | 'sealingOf'> {
  /** What the image takes over from the one that it is fetched from. */
  readonly adopt?: (image: Image) => Image
}

/** How often in a row a transfer that breaks off is gone on with. */
const resumptions = 5

/** What an address sends, with failures told by the table of errors. @throws ApiError `import_failed`, `image_too_large` */
export const openAddress = (
  { limits }: Pick<Service, 'limits'>,
  { outbound, filter }: ImportSource,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Write['open'] => {
  const bytesMax = limits.image_size_bytes
  return async (signal) => {
    try {
      const idleTimeoutMs = limits.upload_idle_seconds * 1000
      const { body, sizeBytes } = await outbound.get(url, {
        filter,
        headers,
        signal,
        idleTimeoutMs,
        bytesMax,
        resumptions,
      })
      // It may break off before anybody listens; whoever reads it finds that out then.
      body.on('error', () => undefined)
      return {
        stream: body,
        announcedBytes: sizeBytes,
        close: async () => {
          body.destroy()
        },
      }
    } catch (error) {
      throw outboundAnswer(error, bytesMax)
    }
  }
}

/** What is told of a call that failed. */
export const outboundAnswer = (error: unknown, bytesMax: number): unknown => {
  if (!(error instanceof OutboundError)) return error
  return error.reason === 'too_large'
    ? apiError('image_too_large', { limit: bytesMax })
    : apiError('import_failed', { why: error.message.replace(/\.$/, '') })
}

/** Gets ready to fetch the bytes of an image. @param token of whoever asked, if it is still known */
export const openFrom = async (
  service: Service,
  cause: Cause,
  { origin, token }: { readonly origin: ImportOrigin; readonly token: string | null },
): Promise<Fetch> => {
  const sealingOf = sealingBy(service, { projectId: cause.projectId ?? '', token }, cause)
  switch (origin.method) {
    case 'web-download':
      return { open: openAddress(service, service.importSource, origin.uri), sealingOf }
    case 'glance-download':
      return { ...(await fromRegion(service, origin, token)), sealingOf }
    case 'glance-direct':
    case 'copy-image':
      throw new Error(`An import by ${origin.method} fetches nothing.`)
  }
}
