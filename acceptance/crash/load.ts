import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MemberStatus } from '@vitrine/sdk'
import type { Account } from '../accounts.ts'
import { change, type Data, type Fact, mayBeGone, type Outcome, type TrackedImage, trackedImage } from './facts.ts'
import type { Random } from './random.ts'

const workers = 6
const populationMax = 40
const smallBytes = 64 * 1024
const largeBytes = 4 * 1024 * 1024
const answerTimeoutMs = 60_000

export interface Load {
  readonly url: string
  readonly producer: Account
  readonly consumer: Account
  readonly random: Random
  /** Every image ever asked for; the load adds to it. */
  readonly images: TrackedImage[]
  /** Fires just before the service is killed: from then on requests may go without an answer. */
  readonly crashing: AbortSignal
  /** Called for every request that the service has acknowledged. */
  readonly onAcknowledged: () => void
}

interface Request {
  readonly as: Account
  readonly method: string
  readonly path: string
  readonly expected: number
  readonly contentType?: string
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
}

/** @throws Error for an answer that a healthy service does not give */
const send = async (
  { url, crashing, onAcknowledged }: Load,
  image: TrackedImage,
  request: Request,
): Promise<Outcome> => {
  const { as, method, path, expected, contentType, body } = request
  const headers: Record<string, string> = { 'X-Auth-Token': as.token }
  if (contentType !== undefined) headers['Content-Type'] = contentType
  try {
    const response = await fetch(`${url}/v2/images${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(answerTimeoutMs),
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    })
    // The status is the acknowledgement, whether or not the rest of the answer still arrives.
    if (response.status === expected) {
      await response.arrayBuffer().catch(() => undefined)
      onAcknowledged()
      return 'done'
    }
    if (response.status >= 500 && crashing.aborted) return 'unknown'
    if ([404, 410].includes(response.status) && mayBeGone(image)) return 'refused'
    throw new UnexpectedAnswer(`${method} ${path}: ${response.status} ${await response.text()}`)
  } catch (error) {
    if (error instanceof UnexpectedAnswer || !crashing.aborted) throw error
    return 'unknown'
  }
}

class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
}

const create = async (load: Load): Promise<void> => {
  const image = trackedImage(randomUUID())
  load.images.push(image)
  const body = JSON.stringify({ id: image.id, name: image.id, disk_format: 'raw', container_format: 'bare' })
  const outcome = await change(image.existence, 'there', () =>
    send(load, image, { as: load.producer, method: 'POST', path: '', expected: 201, body }),
  )
  // Most images get their bytes at once, as people do it.
  if (outcome === 'done' && load.random.chance(0.8)) await upload(load, image)
}

const remove = async (load: Load, image: TrackedImage): Promise<void> => {
  await change(image.existence, 'gone', () =>
    send(load, image, { as: load.producer, method: 'DELETE', path: `/${image.id}`, expected: 204 }),
  )
}

/** The bytes piece by piece, with pauses, so that a crash finds uploads half done. */
const slowly = (bytes: Uint8Array, pieces: number): ReadableStream<Uint8Array> => {
  const pieceBytes = Math.ceil(bytes.byteLength / pieces)
  let offset = 0
  return new ReadableStream({
    async pull(controller) {
      await sleep(20)
      if (offset >= bytes.byteLength) return controller.close()
      controller.enqueue(bytes.subarray(offset, offset + pieceBytes))
      offset += pieceBytes
    },
  })
}

const upload = async (load: Load, image: TrackedImage): Promise<void> => {
  const { random } = load
  const sizeBytes = 1 + random.below(random.chance(0.7) ? smallBytes : largeBytes)
  const bytes = randomBytes(sizeBytes)
  const sha512 = createHash('sha512').update(bytes).digest('hex')
  const body = random.chance(0.3) ? slowly(bytes, 1 + random.below(10)) : new Uint8Array(bytes)
  const path = `/${image.id}/file`
  await change<Data>(image.data, { status: 'active', sizeBytes, sha512 }, () =>
    send(load, image, {
      as: load.producer,
      method: 'PUT',
      path,
      expected: 204,
      contentType: 'application/octet-stream',
      body,
    }),
  )
}

const lock = async (load: Load, image: TrackedImage): Promise<void> => {
  const { value } = image.data
  if (value.status === 'queued') return upload(load, image)
  const [action, status] =
    value.status === 'active' ? (['deactivate', 'deactivated'] as const) : (['reactivate', 'active'] as const)
  const path = `/${image.id}/actions/${action}`
  await change<Data>(image.data, { ...value, status }, () =>
    send(load, image, { as: load.producer, method: 'POST', path, expected: 204 }),
  )
}

const patch = (load: Load, image: TrackedImage, operations: readonly object[]): Promise<Outcome> =>
  send(load, image, {
    as: load.producer,
    method: 'PATCH',
    path: `/${image.id}`,
    expected: 200,
    contentType: 'application/openstack-images-v2.1-json-patch',
    body: JSON.stringify(operations),
  })

const rename = async (load: Load, image: TrackedImage): Promise<void> => {
  const next = { name: `renamed ${load.random.below(1_000_000)}`, tags: [`tag-${load.random.below(100)}`] }
  await change(image.naming, next, () =>
    patch(load, image, [
      { op: 'replace', path: '/name', value: next.name },
      { op: 'replace', path: '/tags', value: next.tags },
    ]),
  )
}

const flipVisibility = async (load: Load, image: TrackedImage): Promise<void> => {
  const { value } = image.sharing
  const visibility = value.visibility === 'shared' ? 'private' : 'shared'
  await change(image.sharing, { ...value, visibility }, () =>
    patch(load, image, [{ op: 'replace', path: '/visibility', value: visibility }]),
  )
}

/** Shares, takes a share back, or has the consumer answer. */
const share = async (load: Load, image: TrackedImage): Promise<void> => {
  const { value } = image.sharing
  if (value.visibility === 'private') return flipVisibility(load, image)
  const path = `/${image.id}/members`
  const memberPath = `${path}/${load.consumer.projectId}`
  if (value.member === 'none') {
    const body = JSON.stringify({ member: load.consumer.projectId })
    await change(image.sharing, { ...value, member: 'pending' }, () =>
      send(load, image, { as: load.producer, method: 'POST', path, expected: 200, body }),
    )
  } else if (load.random.chance(0.25)) {
    await change(image.sharing, { ...value, member: 'none' }, () =>
      send(load, image, { as: load.producer, method: 'DELETE', path: memberPath, expected: 204 }),
    )
  } else {
    const answers: MemberStatus[] = ['accepted', 'rejected', 'pending']
    const status = load.random.pick(answers.filter((answer) => answer !== value.member)) ?? 'accepted'
    const body = JSON.stringify({ status })
    await change(image.sharing, { ...value, member: status }, () =>
      send(load, image, { as: load.consumer, method: 'PUT', path: memberPath, expected: 200, body }),
    )
  }
}

interface Action {
  readonly subject: (image: TrackedImage) => Fact<unknown>
  readonly act: (load: Load, image: TrackedImage) => Promise<void>
}

const removal: Action = { subject: (image) => image.existence, act: remove }
const actions: readonly Action[] = [
  removal,
  { subject: (image) => image.data, act: lock },
  { subject: (image) => image.naming, act: rename },
  { subject: (image) => image.sharing, act: flipVisibility },
  { subject: (image) => image.sharing, act: share },
  { subject: (image) => image.sharing, act: share },
  { subject: (image) => image.sharing, act: share },
]

const step = async (load: Load): Promise<void> => {
  const { random, images } = load
  const population = images.filter((image) => image.existence.value === 'there')
  const image = random.pick(population)
  if (image === undefined || (population.length < populationMax && random.chance(0.3))) return create(load)
  const { subject, act } = population.length >= populationMax ? removal : (random.pick(actions) ?? removal)
  // Requests on different things of one image do meet; on the same thing their order would be anyone's guess.
  if (subject(image).busy) return
  // An image that is being deleted gets no new requests; those under way see it go.
  if (image.existence.busy) return
  await act(load, image)
}

/** Keeps the service busy until it is killed. @throws Error for an answer that a healthy service does not give */
export const runLoad = async (load: Load): Promise<void> => {
  const work = async (): Promise<void> => {
    while (!load.crashing.aborted) {
      await step(load)
      // Also when there was nothing to do: others must get their turn.
      await sleep(load.random.below(5))
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
}
