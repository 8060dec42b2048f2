import type { Image, ImageService } from '@vitrine/sdk'
import { CommandError } from './command-error.ts'
import { ExitCode } from './exit-codes.ts'
import { printable } from './text.ts'

/** Which images a command is about: among several of one name, those it cannot mean do not count. */
export interface Preference {
  signal: AbortSignal
  /** Left out: every image that the project can see. */
  prefer?: ((image: Image) => boolean) | undefined
}

const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const prefixPattern = /^[0-9a-f]{8}(?:[0-9a-f]{0,4}|-[0-9a-f-]{0,26})$/i

/** The API cannot search by the beginning of an id, so pages are read; past this it is quicker to copy the whole id. */
const prefixSearchLimit = 10_000

const collect = async (images: AsyncIterable<Image>, into: Map<string, Image>): Promise<void> => {
  for await (const image of images) into.set(image.id, image)
}

/** Images of that name in the project's lists, hidden ones and shares that wait or were rejected included. */
const findByName = async (service: ImageService, name: string, signal: AbortSignal): Promise<Map<string, Image>> => {
  const { equalTo } = await import('@vitrine/sdk')
  const found = new Map<string, Image>()
  // With a colon in it the name would be read as an operator.
  const params = { name: name.includes(':') ? equalTo(name) : name, memberStatus: 'all' } as const
  await Promise.all(
    [false, true].map((osHidden) => collect(service.listImages({ ...params, osHidden }, { signal }), found)),
  )
  return found
}

const findByPrefix = async (service: ImageService, prefix: string, signal: AbortSignal, into: Map<string, Image>) => {
  let seen = 0
  for (const osHidden of [false, true]) {
    const params = { memberStatus: 'all', osHidden } as const
    for await (const image of service.listImages(params, { signal, pageSize: 1000 })) {
      if (image.id.startsWith(prefix.toLowerCase())) into.set(image.id, image)
      if (++seen < prefixSearchLimit) continue
      throw new CommandError(
        ExitCode.error,
        `There are more than ${prefixSearchLimit} images, too many to look for an id that begins with ${prefix}.`,
        'Give the whole id, or the name.',
      )
    }
  }
}

const describe = (image: Image): string =>
  `  ${image.id}  ${printable(image.name ?? '(no name)')}  owner ${printable(image.owner ?? 'unknown')}  ${image.visibility}`

const maxDescribed = 10

const ambiguous = (reference: string, images: readonly Image[]): CommandError => {
  const shown = images.slice(0, maxDescribed).map(describe)
  const more = images.length > maxDescribed ? [`  and ${images.length - maxDescribed} more`] : []
  return new CommandError(
    ExitCode.conflict,
    `${images.length} images answer to ${printable(reference)}; vitrine never guesses which one is meant.`,
    [...shown, ...more, 'Use the id.'].join('\n'),
  )
}

/**
 * The image of an id, a name, or the first eight or more characters of an id. A name is taken only when exactly one image
 * has it: two projects may use the same name, and whoever publishes a look-alike must not be chosen by chance.
 * @throws CommandError when there is none (not found), or more than one (conflict)
 */
export const findImage = async (service: ImageService, reference: string, options: Preference): Promise<Image> => {
  const { signal, prefer } = options
  if (reference === '') throw new CommandError(ExitCode.usage, 'The image is empty: give an id or a name.')
  if (idPattern.test(reference)) return service.getImage(reference.toLowerCase(), { signal })

  const found = await findByName(service, reference, signal)
  if (prefixPattern.test(reference)) await findByPrefix(service, reference, signal, found)
  const all = [...found.values()]
  const preferred = prefer === undefined ? all : all.filter(prefer)
  const candidates = preferred.length === 0 ? all : preferred
  const [only, ...others] = candidates
  if (only === undefined) {
    throw new CommandError(
      ExitCode.notFound,
      `No image named ${printable(reference)} is visible to your project.`,
      'Check the name with "vitrine image list --all" and "vitrine inbox". Community images are found by id only.',
    )
  }
  if (others.length > 0) throw ambiguous(reference, candidates)
  return only
}

/** For what only the owner does. */
export const ownedBy =
  (projectId: string) =>
  (image: Image): boolean =>
    image.owner === projectId

/** For what only the receiver of a share does. */
export const sharedWith =
  (projectId: string) =>
  (image: Image): boolean =>
    image.visibility === 'shared' && image.owner !== projectId
