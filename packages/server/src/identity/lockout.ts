import { isIPv6 } from 'node:net'
import { apiError } from '../api-error.ts'

/** When guessing is slowed down. Waits double from one second up to the longest. */
export interface LockoutLimits {
  /** Failures of one account from one address before it must wait. */
  readonly failuresPerAccountAndAddress: number
  /** Failures from one address, whatever the accounts. */
  readonly failuresPerAddress: number
  /** Failures of one account, whatever the addresses. */
  readonly failuresPerAccount: number
  readonly waitMaxMs: number
  /** Failures are forgotten after so long without another. */
  readonly forgetAfterMs: number
  /** Counters kept at most; the ones longest untouched go first. */
  readonly countersMax: number
}

const defaultLimits: LockoutLimits = {
  failuresPerAccountAndAddress: 5,
  failuresPerAddress: 100,
  failuresPerAccount: 50,
  waitMaxMs: 60_000,
  forgetAfterMs: 15 * 60_000,
  countersMax: 20_000,
}

interface Counter {
  failures: number
  touchedAt: number
  waitUntil: number
}

interface Attempt {
  /** As the caller wrote it, whether or not it exists. */
  readonly account: string
  readonly address: string
}

export interface Lockout {
  /** @throws ApiError `too_many_attempts` while the caller must wait */
  admit(attempt: Attempt): void
  failed(attempt: Attempt): void
  succeeded(attempt: Attempt): void
}

/** One household has a whole /64 of IPv6. */
const networkOf = (address: string): string => {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ?? '').split(':')].slice(0, 4).join(':')
}

/**
 * Slows down guessing of passwords. It counts per account and address, per address and per account; accounts that do
 * not exist count alike, so that the wait tells nothing. For an account at an address where it has lately been used only
 * the first count matters: no stranger elsewhere can lock anybody out of the place where they work.
 *
 * Whoever shares that address can make the account wait there, for `waitMaxMs` after each guess. Nothing in a request
 * tells the user from the neighbour before the password is checked, and letting the right one through during a wait
 * would make guessing free.
 */
export const createLockout = (now: () => number, changes: Partial<LockoutLimits> = {}): Lockout => {
  const limits = { ...defaultLimits, ...changes }
  const counters = new Map<string, Counter>()
  const trusted = new Map<string, number>()

  const keep = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
    map.delete(key)
    if (map.size >= limits.countersMax) {
      const [oldest] = map.keys()
      if (oldest !== undefined) map.delete(oldest)
    }
    map.set(key, value)
  }

  const rulesFor = ({ account, address }: Attempt) => {
    const network = networkOf(address)
    const both = JSON.stringify([account, network])
    const known = (trusted.get(both) ?? 0) > now()
    return {
      both,
      rules: [
        { key: `both ${both}`, free: limits.failuresPerAccountAndAddress },
        ...(known
          ? []
          : [
              { key: `address ${network}`, free: limits.failuresPerAddress },
              { key: `account ${account}`, free: limits.failuresPerAccount },
            ]),
      ],
    }
  }

  const count = (key: string, free: number): void => {
    const at = now()
    const known = counters.get(key)
    const failures = known === undefined || at - known.touchedAt > limits.forgetAfterMs ? 1 : known.failures + 1
    const waitMs = failures < free ? 0 : Math.min(limits.waitMaxMs, 1000 * 2 ** Math.min(30, failures - free))
    keep(counters, key, { failures, touchedAt: at, waitUntil: at + waitMs })
  }

  return {
    admit: (attempt) => {
      const at = now()
      const waitUntil = Math.max(...rulesFor(attempt).rules.map(({ key }) => counters.get(key)?.waitUntil ?? 0))
      if (waitUntil <= at) return
      const seconds = Math.ceil((waitUntil - at) / 1000)
      throw apiError('too_many_attempts', { seconds }, { 'retry-after': String(seconds) })
    },
    failed: (attempt) => {
      for (const { key, free } of rulesFor(attempt).rules) count(key, free)
    },
    succeeded: (attempt) => {
      const { both } = rulesFor(attempt)
      counters.delete(`both ${both}`)
      keep(trusted, both, now() + 24 * 60 * 60_000)
    },
  }
}
