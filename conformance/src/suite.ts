import type { Actors } from './actors.ts'
import { createImages, type Images } from './images.ts'
import type { Receivers } from './receivers.ts'

/** How one expectation came out. */
export interface Outcome {
  group: string
  /** The expectation as a sentence. */
  name: string
  /** True for what Vitrine decided for itself, where another service may do otherwise. */
  own: boolean
  result: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped. */
  why?: string
  /** Why it failed. */
  error?: unknown
}

/** What a group works with. */
export interface Scene {
  endpoint: URL
  actors: Actors
  images: Images
  /** What mails and webhooks arrive at, if the run has it. */
  receivers: Receivers
  /** One expectation of every Image API v2 service. A failure is noted and the group goes on. */
  check(name: string, body: () => Promise<void> | void): Promise<void>
  /** One expectation that goes beyond, or decides otherwise than, OpenStack's own service. */
  own(name: string, body: () => Promise<void> | void): Promise<void>
  skip(name: string, why: string): Promise<void>
  /** Has something taken back when the group ends, newest first and before the images go. */
  afterwards(step: () => Promise<unknown>): void
  /** The same once the images are gone: for what images need. */
  atLast(step: () => Promise<unknown>): void
}

/** Expectations about one behaviour. It makes its own images, so that every group can run alone. */
export interface Group {
  name: string
  /** True when all of it is about what only Vitrine has: such a group is not even begun for another service. */
  own?: boolean
  run(scene: Scene): Promise<void>
}

export interface RunOptions {
  /** Leaves the own expectations out. */
  glance: boolean
  /** Only expectations whose group and name, joined by a blank, match. */
  only?: RegExp
  report(outcome: Outcome): Promise<void> | void
}

/** Runs one group and cleans up after it. */
export const runGroup = async (
  group: Group,
  service: { endpoint: URL; actors: Actors; receivers?: Receivers },
  { glance, only, report }: RunOptions,
): Promise<void> => {
  if (group.own && glance) return
  const images = createImages(service.actors)
  const undo: (() => Promise<unknown>)[] = []
  const undoAtLast: (() => Promise<unknown>)[] = []
  const attempt = async (name: string, own: boolean, body: () => Promise<void> | void): Promise<void> => {
    const outcome = { group: group.name, name, own }
    if ((own && glance) || (only && !only.test(`${group.name} ${name}`))) return
    let failure: { error: unknown } | undefined
    try {
      await body()
    } catch (error) {
      failure = { error }
    }
    await report(failure ? { ...outcome, result: 'failed', ...failure } : { ...outcome, result: 'passed' })
  }
  const scene: Scene = {
    ...service,
    receivers: service.receivers ?? {},
    images,
    afterwards: (step) => void undo.unshift(step),
    atLast: (step) => void undoAtLast.unshift(step),
    check: (name, body) => attempt(name, false, body),
    own: (name, body) => attempt(name, true, body),
    async skip(name, why) {
      if (only && !only.test(`${group.name} ${name}`)) return
      await report({ group: group.name, name, own: false, result: 'skipped', why })
    },
  }
  try {
    await group.run(scene)
  } catch (error) {
    await report({ group: group.name, name: 'the group could be prepared', own: false, result: 'failed', error })
  } finally {
    // What cannot be taken back is gone already, or goes with the project.
    for (const step of undo) await step().catch(() => {})
    await images.cleanUp()
    for (const step of undoAtLast) await step().catch(() => {})
  }
}

/** The checker for a row of a table: own decisions are marked there by a flag. */
export const checker = (scene: Scene, own: boolean | undefined): Scene['check'] => (own ? scene.own : scene.check)

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

/** Asks again and again until `done` agrees; fails after ten seconds, or as many as are given. */
export const eventually = async <T>(
  ask: () => Promise<T>,
  done: (value: T) => boolean,
  what: string,
  seconds = 10,
): Promise<T> => {
  const until = Date.now() + seconds * 1000
  for (;;) {
    const value = await ask()
    if (done(value)) return value
    if (Date.now() > until)
      throw new Error(`${what}: not within ${seconds} seconds; last seen ${JSON.stringify(value)}`)
    await sleep(20)
  }
}
