import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { apiError } from '../api-error.ts'

/** What one guess costs; kept with each hash, so that it can be raised later. */
export interface HashCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

/** OWASP's scrypt parameters with the least memory per guess that is still theirs: 16 MiB, about 0.1 s. */
const defaultCost: HashCost = { n: 2 ** 14, r: 8, p: 5 }
const keyBytes = 32
const saltBytes = 16

/** Two at a time leave threads of the pool for files and cores for requests. */
const runningMax = 2
const waitingMax = 256
const waitingPerCallerMax = 32

export interface SecretHasher {
  /**
   * @param caller whose turn it is: waiting places are limited for each
   * @returns algorithm, parameters, salt and key as one string
   * @throws ApiError `identity_busy` when too many are waiting
   */
  hash(secret: string, caller: string): Promise<string>
  /**
   * Whether the secret is the one behind the hash. Takes as long without a hash, so that the time does not tell whether
   * there is an account.
   * @param caller as above, counted apart
   * @param admit asked when the turn comes; throws to refuse without trying
   * @throws ApiError `identity_busy` when too many are waiting
   */
  verify(secret: string, stored: string | null, caller: string, admit?: () => void): Promise<boolean>
}

interface StoredHash extends HashCost {
  readonly salt: Buffer
  readonly key: Buffer
}

const derive = (secret: string, salt: Buffer, { n, r, p }: HashCost): Promise<Buffer> => {
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFC'), salt, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

const render = ({ n, r, p, salt, key }: StoredHash): string =>
  ['scrypt', n, r, p, salt.toString('base64url'), key.toString('base64url')].join('$')

const parse = (stored: string): StoredHash => {
  const [algorithm, n, r, p, salt, key] = stored.split('$')
  if (algorithm !== 'scrypt' || salt === undefined || key === undefined) {
    throw new Error('A stored secret is not in the form that this version writes')
  }
  return {
    n: Number(n),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  }
}

const tooBusy = () => apiError('identity_busy', {})

interface Job {
  readonly caller: string
  readonly start: () => Promise<void>
}

/** Runs few jobs at a time; callers take turns, so that one with many jobs does not hold up the others. */
const takingTurns = () => {
  const waiting = new Map<string, Job[]>()
  let waitingCount = 0
  let running = 0

  const next = (): Job | undefined => {
    const [first] = waiting
    if (first === undefined) return undefined
    const [caller, jobs] = first
    const job = jobs.shift()
    waiting.delete(caller)
    if (jobs.length > 0) waiting.set(caller, jobs)
    waitingCount -= 1
    return job
  }

  const pump = (): void => {
    while (running < runningMax) {
      const job = next()
      if (job === undefined) return
      running += 1
      job.start().finally(() => {
        running -= 1
        pump()
      })
    }
  }

  return <T>(caller: string, work: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const jobs = waiting.get(caller) ?? []
      if (waitingCount >= waitingMax || jobs.length >= waitingPerCallerMax) {
        reject(tooBusy())
        return
      }
      waiting.set(caller, jobs)
      waitingCount += 1
      jobs.push({ caller, start: () => Promise.resolve().then(work).then(resolve, reject) })
      pump()
    })
}

/** Hashes of passwords and other secrets that people choose, by scrypt, off the main thread and few at a time. */
export const createSecretHasher = (cost: HashCost = defaultCost): SecretHasher => {
  const inTurn = takingTurns()
  const decoy: StoredHash = { ...cost, salt: randomBytes(saltBytes), key: randomBytes(keyBytes) }

  return {
    hash: (secret, caller) =>
      inTurn(`hash ${caller}`, async () => {
        const salt = randomBytes(saltBytes)
        return render({ ...cost, salt, key: await derive(secret, salt, cost) })
      }),
    verify: (secret, stored, caller, admit) =>
      inTurn(`verify ${caller}`, async () => {
        admit?.()
        const expected = stored === null ? decoy : parse(stored)
        const matches = timingSafeEqual(await derive(secret, expected.salt, expected), expected.key)
        return matches && stored !== null
      }),
  }
}
