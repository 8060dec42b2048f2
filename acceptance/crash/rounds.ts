import { setTimeout as sleep } from 'node:timers/promises'
import { logIn } from '../accounts.ts'
import { killWhileStarting, type RunningService, type ServiceOptions, startService } from '../service.ts'
import { checkPromises, type Scene } from './check.ts'
import type { TrackedImage } from './facts.ts'
import { runLoad } from './load.ts'
import type { Random } from './random.ts'

export interface Rounds {
  readonly count: number
  readonly random: Random
  readonly service: ServiceOptions
  /** Brings the service down without notice. */
  readonly crash: (service: RunningService) => Promise<void>
  /** Looked at between a start and the load, besides the promises of the API. */
  readonly alsoCheck?: () => void
}

/** What happened over all rounds, to show that something did. */
export interface Tally {
  readonly images: number
  readonly active: number
  readonly deleted: number
  /** Requests that a crash left without an answer. */
  readonly unanswered: number
}

// A crash comes after so many acknowledgements rather than at a time, so that a slow machine tests as much as a fast one.
const acknowledgementsMax = 120
const momentMsMax = 30
const startMsMax = 600

const countDoubts = (images: readonly TrackedImage[]): number =>
  images.reduce(
    (sum, { existence, data, sharing, naming }) =>
      sum + existence.doubts.length + data.doubts.length + sharing.doubts.length + naming.doubts.length,
    0,
  )

/** A start of the service on the folder of the rounds, with all that earlier lives promised checked. */
const live = async (
  { service: options, alsoCheck }: Rounds,
  images: readonly TrackedImage[],
  then: (service: RunningService, scene: Scene) => Promise<void>,
): Promise<void> => {
  const service = await startService(options)
  try {
    const [producer, consumer, admin] = await Promise.all([
      logIn(options.data, 'producer'),
      logIn(options.data, 'consumer'),
      logIn(options.data, 'admin'),
    ])
    const scene = { data: options.data, producer, consumer, admin, images }
    await checkPromises(scene)
    alsoCheck?.()
    await then(service, scene)
  } catch (error) {
    throw new Error(`the service said last:\n${service.log()}`, { cause: error })
  } finally {
    await service.kill()
  }
}

const workUntilCrash = async (
  { random, crash }: Rounds,
  images: TrackedImage[],
  service: RunningService,
  { producer, consumer }: Scene,
): Promise<void> => {
  const crashing = new AbortController()
  const enough = Promise.withResolvers<void>()
  let left = 1 + random.below(acknowledgementsMax)
  const onAcknowledged = (): void => {
    left -= 1
    if (left === 0) enough.resolve()
  }
  const { url } = service
  const load = runLoad({ url, producer, consumer, random, images, crashing: crashing.signal, onAcknowledged })
  const crashed = enough.promise.then(async () => {
    await sleep(random.below(momentMsMax))
    crashing.abort()
    await crash(service)
  })
  await Promise.all([load, crashed])
}

/** Runs the service on one folder again and again, and checks after each crash what it had promised. */
export const runRounds = async (rounds: Rounds): Promise<Tally> => {
  const { count, random, service } = rounds
  const images: TrackedImage[] = []
  let unanswered = 0
  for (let number = 0; number < count; number += 1) {
    // Now and then one that is brought down while it still clears up.
    if (random.chance(0.2)) await killWhileStarting(service, random.below(startMsMax))
    await live(rounds, images, (running, scene) => workUntilCrash(rounds, images, running, scene))
    unanswered += countDoubts(images)
  }
  await live(rounds, images, async () => undefined)

  const there = images.filter(({ existence }) => existence.value === 'there')
  return {
    images: images.length,
    active: there.filter(({ data }) => data.value.status === 'active').length,
    deleted: images.filter(({ existence }) => existence.value === 'gone').length,
    unanswered,
  }
}
