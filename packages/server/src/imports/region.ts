import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { ApiError, apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import { sameAs } from '../data/expectation.ts'
import { checkPropertyQuota, setAttribute } from '../images/attributes.ts'
import { draftOf, type Image } from '../images/image.ts'
import type { Service } from '../service.ts'
import { type Fetch, openAddress, outboundAnswer } from './fetch.ts'
import type { ImportOrigin } from './work.ts'

/** What is read of an image of another cloud; everything else of it is a custom property. */
const RemoteImage = Type.Object({
  status: Type.String(),
  disk_format: Type.Union([Type.String(), Type.Null()]),
  container_format: Type.Union([Type.String(), Type.Null()]),
  checksum: Type.Optional(Type.Union([Type.String({ pattern: '^[0-9a-f]{32}$' }), Type.Null()])),
  os_hash_algo: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  os_hash_value: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})
const isRemoteImage = Compile(RemoteImage)

/** Properties that say how an image is to be run, and so hold in every region. */
const adoptedPrefixes = [
  'hw_',
  'trait:',
  'os_distro',
  'os_secure_boot',
  'os_type',
  'os_version',
  'architecture',
  'img_',
]
const neverAdopted = ['img_signature']

const isAdopted = (name: string): boolean =>
  adoptedPrefixes.some((prefix) => name.startsWith(prefix)) && !neverAdopted.some((prefix) => name.startsWith(prefix))

/** What an image could not be given here, by its rules and limits, is left out. */
const adopting =
  (document: object, limits: Limits) =>
  (image: Image): Image => {
    const draft = draftOf(image)
    for (const [name, value] of Object.entries(document)) {
      if (!isAdopted(name) || draft.properties.has(name)) continue
      try {
        setAttribute(draft, name, value)
        checkPropertyQuota(draft.properties, limits)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        draft.properties.delete(name)
      }
    }
    return draft
  }

const documentMaxBytes = 1024 * 1024
const patienceMs = 30_000

/**
 * The image of another region of the cloud, which believes the same tokens.
 * @throws ApiError `import_token_gone`, `import_failed`
 */
export const fromRegion = async (
  { regions, limits, stopping }: Service,
  { region, imageId }: Extract<ImportOrigin, { method: 'glance-download' }>,
  token: string | null,
): Promise<Pick<Fetch, 'open' | 'expected' | 'adopt'>> => {
  const from = regions.get(region)
  if (from === undefined) throw apiError('import_failed', { why: `there is no region ${region} any more` })
  if (token === null) throw apiError('import_token_gone', {})
  const headers = { 'x-auth-token': token }
  const address = `${from.base}/v2/images/${imageId}`
  let document: unknown
  try {
    const { filter, outbound } = from.source
    document = await outbound.json(address, {
      filter,
      headers,
      signal: stopping,
      idleTimeoutMs: patienceMs,
      totalTimeoutMs: patienceMs,
      bytesMax: documentMaxBytes,
    })
  } catch (error) {
    throw outboundAnswer(error, documentMaxBytes)
  }
  if (!isRemoteImage.Check(document))
    throw apiError('import_failed', { why: 'the other region answered with no image' })
  if (document.status !== 'active') {
    throw apiError('import_failed', { why: `the image of the other region is ${document.status}` })
  }
  const { checksum = null, os_hash_algo = null, os_hash_value = null } = document
  return {
    open: openAddress({ limits }, from.source, `${address}/file`, headers),
    expected: {
      ...sameAs({ sizeBytes: null, checksum, hashAlgorithm: os_hash_algo, hashValue: os_hash_value }),
      source: 'stated',
    },
    adopt: adopting(document, limits),
  }
}
