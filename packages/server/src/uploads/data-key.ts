import { apiError } from '../api-error.ts'
import { type Sealing, storeSeal } from '../data/attempt.ts'
import { sealingBy } from '../data/image-keys.ts'
import type { Cause } from '../events/events.ts'
import type { Image } from '../images/image.ts'
import { keepVersion } from '../keys/key-rows.ts'
import type { KeyHolder } from '../keys/port.ts'
import { findSeal, replaceSeal } from '../keys/queries.ts'
import { openImageKey, wrapImageKey } from '../keys/use.ts'
import { resumedKey, sealingScheme } from '../sealing/chunks.ts'
import type { Service } from '../service.ts'

const attemptsMax = 3

/** Has a key of the bytes kept with the image, from before the first of them is sealed. */
const beginKey = async (service: Service, { key, seal }: Sealing): Promise<Uint8Array> => {
  await service.database.write((tx) => storeSeal(tx, { key, seal }))
  return key
}

/** Writes down that the key was resumed, before it seals anything more. A rotation in between is told by the version. */
const rememberResumption = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  image: { readonly id: string; readonly keyId: string },
  next: Uint8Array,
): Promise<void> => {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const { seal } = await wrapImageKey(service, holder, cause, image, next)
    const isStored = await service.database.write(async (tx) => {
      if (!(await keepVersion(tx, seal.key_id, seal.key_version))) return false
      await replaceSeal(tx, { ...seal, scheme: sealingScheme })
      return true
    })
    if (isStored) return
  }
  throw apiError('key_manager_unavailable', {})
}

/**
 * The key that the bytes of an upload are sealed with; undefined: they are stored as they are. It is kept from the beginning,
 * wrapped by the key of the project, as that of an active image is.
 * @param resumeAt the chunk from which on bytes may have been sealed that are not kept
 * @throws ApiError of the key
 */
export const dataKeyFor = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  image: Image,
  resumeAt: number | undefined,
): Promise<Uint8Array | undefined> => {
  const { id, sealedUnder } = image
  if (sealedUnder === null) return undefined
  if ((await findSeal(service.database.read, id)) === undefined) {
    const sealing = await sealingBy(service, holder, cause)(image)
    if (sealing === undefined) throw new Error('A sealed image was to be stored unsealed.')
    return beginKey(service, sealing)
  }
  const dataKey = await openImageKey(service, holder, cause, { id, key_id: sealedUnder })
  if (resumeAt === undefined) return dataKey
  const next = resumedKey(dataKey, resumeAt)
  await rememberResumption(service, holder, cause, { id, keyId: sealedUnder }, next)
  return next
}
