import type { Cause } from '../events/events.ts'
import type { Image } from '../images/image.ts'
import type { KeyHolder } from '../keys/port.ts'
import { newImageKey, openImageKey } from '../keys/use.ts'
import { sealingScheme } from '../sealing/chunks.ts'
import type { Service } from '../service.ts'
import type { Sealing } from './attempt.ts'
import type { OpenKey } from './download.ts'

/** Has the bytes of an image that is to be sealed encrypted under its key, if the holder holds that. */
export const sealingBy =
  (service: Service, holder: KeyHolder, cause: Cause): ((image: Image) => Promise<Sealing | undefined>) =>
  async ({ id, sealedUnder }) => {
    if (sealedUnder === null) return undefined
    const { dataKey, seal } = await newImageKey(service, holder, cause, { id, keyId: sealedUnder })
    return { key: dataKey, seal: { ...seal, scheme: sealingScheme } }
  }

/** Opens the bytes of a sealed image, if the holder holds its key. */
export const openingBy =
  (service: Service, holder: KeyHolder, cause: Cause): OpenKey =>
  async (image) =>
    image.encryption === 'sealed' ? openImageKey(service, holder, cause, image) : undefined
