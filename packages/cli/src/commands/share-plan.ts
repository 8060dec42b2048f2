import type { Image, ImageService, Invitation, Share } from '@vitrine/sdk'
import { CommandError, usageError } from '../command-error.ts'
import { ExitCode, exitCodeForStatus } from '../exit-codes.ts'
import { findImage, ownedBy } from '../find-image.ts'
import { checkProjects, isProjectName } from '../project-id.ts'
import { printable } from '../text.ts'
import type { WantedPair } from './share-file.ts'
import { differs, type Terms } from './share-terms.ts'

/** One thing that has to be done so that the shares are as the file says. */
export type Step = Pair &
  (
    | { action: 'share' | 'invite'; grant: boolean }
    /** The share is there, and its consumer may not use the key. */
    | { action: 'grant' }
    | { action: 'change'; share: Share }
    | { action: 'unshare' }
  )

interface Pair {
  image: Image
  project: string
  terms: Terms
}

/** Pairs that one call can name. */
const pairsMax = 1000

interface Wanted {
  image: Image
  /** By project, as written in the file. */
  projects: Map<string, Wish>
}

interface Wish {
  terms: Terms
  grant: boolean
}

interface Options {
  projectId: string
  prune: boolean
  anyId: boolean
  signal: AbortSignal
}

/** Two names of the file may mean one image; the same pair twice is taken once if it says the same. */
const gather = async (service: ImageService, pairs: readonly WantedPair[], options: Options): Promise<Wanted[]> => {
  const byReference = new Map<string, Image>()
  const byId = new Map<string, Wanted>()
  for (const { image: reference, project, ...wish } of pairs) {
    const image =
      byReference.get(reference) ??
      (await findImage(service, reference, { signal: options.signal, prefer: ownedBy(options.projectId) }))
    byReference.set(reference, image)
    const wanted = byId.get(image.id) ?? { image, projects: new Map() }
    byId.set(image.id, wanted)
    const before = wanted.projects.get(project)
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(wish)) {
      throw usageError(
        `The file names ${printable(reference)} and ${printable(project)} twice, with different terms.`,
        'Keep one of them.',
      )
    }
    wanted.projects.set(project, wish)
  }
  return [...byId.values()]
}

const sameName = (a: string | null, b: string): boolean => a?.toLowerCase() === b.toLowerCase()

/** What takes away that the file does not name: shares, and invitations that could still become some. */
const prunedSteps = (
  image: Image,
  shares: readonly Share[],
  invitations: readonly Invitation[],
  { kept, projects }: { kept: ReadonlySet<string>; projects: ReadonlyMap<string, Wish> },
): Step[] => {
  const names = new Set([...projects.keys()].map((project) => project.toLowerCase()))
  const invited = invitations.flatMap((each) => (each.project !== null && each.state === 'open' ? [each] : []))
  const others = [
    ...shares.filter(({ projectId }) => !kept.has(projectId)).map((share) => ({ ...share, project: share.projectId })),
    ...invited.filter(({ project }) => !names.has((project ?? '').toLowerCase())),
  ]
  return others.map(({ project, message, endsAt }) => ({
    action: 'unshare',
    image,
    project: project ?? '',
    terms: { message: message ?? undefined, endsAt: endsAt ?? undefined },
  }))
}

/** Who came by its name is a member by its id, which only the single invitation tells. */
const claimants = async (
  service: ImageService,
  invitations: readonly Invitation[],
  name: string,
  signal: AbortSignal,
): Promise<string[]> => {
  const ids: string[] = []
  for (const { id, project, used } of invitations) {
    if (used === 0 || !sameName(project, name)) continue
    const { claims } = await service.getInvitation(id, { signal })
    ids.push(...claims.map(({ projectId }) => projectId))
  }
  return ids
}

const stepsFor = async (
  service: ImageService,
  { image, projects }: Wanted,
  { signal, prune }: Options,
): Promise<Step[]> => {
  const shares = await image.listShares({ signal }).toArray()
  const needsInvitations = prune || [...projects.keys()].some(isProjectName)
  const invitations = needsInvitations ? await service.listInvitations({ image: image.id }, { signal }).toArray() : []
  const steps: Step[] = []
  const kept = new Set<string>()
  for (const [project, { terms, grant }] of projects) {
    const ids = isProjectName(project) ? await claimants(service, invitations, project, signal) : [project]
    const share = shares.find(({ projectId }) => ids.includes(projectId))
    if (share !== undefined) {
      kept.add(share.projectId)
      const isLocked = share.keyState === 'missing' || share.keyState === 'revoked'
      if (grant && isLocked) steps.push({ action: 'grant', image, project: share.projectId, terms })
      if (differs(share, terms)) steps.push({ action: 'change', image, project, terms, share })
    } else if (!isProjectName(project)) steps.push({ action: 'share', image, project, terms, grant })
    else if (!invitations.some((each) => sameName(each.project, project) && each.state === 'open')) {
      steps.push({ action: 'invite', image, project, terms, grant })
    }
  }
  return prune ? [...steps, ...prunedSteps(image, shares, invitations, { kept, projects })] : steps
}

/**
 * What is to be done, by comparing the file with the shares that are there. Only images that the file names are looked at.
 * @throws CommandError when a project or an image cannot be meant
 */
export const planShares = async (
  service: ImageService,
  pairs: readonly WantedPair[],
  options: Options,
): Promise<Step[]> => {
  checkProjects(
    pairs.map(({ project }) => project),
    options.anyId,
  )
  const steps: Step[] = []
  for (const wanted of await gather(service, pairs, options)) steps.push(...(await stepsFor(service, wanted, options)))
  return steps
}

/** Images and projects that one call can name: all of the images with all of the projects, on the same terms. */
export interface Batch {
  action: 'share' | 'unshare'
  images: string[]
  projects: string[]
  terms: Terms
  grant: boolean
}

/** A step that one call does; what is there already gets no terms by it. */
const callOf = (step: Exclude<Step, { action: 'change' }>): Pick<Batch, 'action' | 'terms' | 'grant'> => {
  if (step.action === 'unshare') return { action: 'unshare', terms: {}, grant: false }
  if (step.action === 'grant') return { action: 'share', terms: {}, grant: true }
  return { action: 'share', terms: step.terms, grant: step.grant }
}

/** Joins what can be done in one call: first the projects of an image, then images with the same projects. */
export const batchesOf = (steps: readonly Step[]): Batch[] => {
  const byImage = new Map<string, Batch>()
  for (const step of steps) {
    if (step.action === 'change') continue
    const { image } = step
    const { action, terms, grant } = callOf(step)
    const key = JSON.stringify([action, image.id, terms.message, terms.endsAt, grant])
    const batch = byImage.get(key) ?? { action, images: [image.id], projects: [], terms, grant }
    batch.projects.push(step.project)
    byImage.set(key, batch)
  }
  const joined = new Map<string, Batch>()
  for (const batch of byImage.values()) {
    const { action, images, projects, terms, grant } = batch
    const key = JSON.stringify([action, projects.toSorted(), terms.message, terms.endsAt, grant])
    const before = joined.get(key)
    if (before !== undefined && (before.images.length + 1) * projects.length <= pairsMax) before.images.push(...images)
    else joined.set(before === undefined ? key : `${key} ${joined.size}`, batch)
  }
  return [...joined.values()].flatMap(split)
}

const split = (batch: Batch): Batch[] => {
  const perCall = Math.max(1, Math.floor(pairsMax / batch.images.length))
  const calls: Batch[] = []
  for (let at = 0; at < batch.projects.length; at += perCall) {
    calls.push({ ...batch, projects: batch.projects.slice(at, at + perCall) })
  }
  return calls
}

/** Sends one batch, all of it or nothing. @throws CommandError with what stands in the way */
export const sendBatch = async (
  service: ImageService,
  { action, images, projects, terms, grant }: Batch,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
): Promise<void> => {
  const { results } =
    action === 'share'
      ? await service.shareMany(
          { images, projects, atomic: true, dryRun, grant: grant ? true : undefined, ...terms },
          { signal },
        )
      : await service.unshareMany({ images, projects, atomic: true, dryRun }, { signal })
  const failures = results.flatMap(({ imageId, project, error }) =>
    error === null
      ? []
      : [{ status: error.status, line: `  ${imageId}  ${printable(project)}: ${printable(error.message)}` }],
  )
  const [first] = failures
  if (first === undefined) return
  const exitCode = exitCodeForStatus(first.status)
  throw new CommandError(
    exitCode === ExitCode.ok ? ExitCode.error : exitCode,
    'Not all of it can be done, so this call did nothing:',
    failures.map(({ line }) => line).join('\n'),
  )
}
