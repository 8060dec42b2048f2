import type { Recipe, Step } from './recipe.ts'
import { dictionary, seeds } from './seeds.ts'

/** Numbers from a seed (mulberry32), so that a run can be repeated. */
export interface Chance {
  below(limit: number): number
  pick<T>(from: readonly T[]): T
}

export const chanceFrom = (seed: number): Chance => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    pick: (from) => {
      const one = from[below(from.length)]
      if (one === undefined) throw new Error('There is nothing to pick from.')
      return one
    },
  }
}

// Where formats keep what counts.
const places = [0, 64, 512, 1024, 1536, 4096, 32_768, 65_536, 131_072, 196_608, 262_144, 2 ** 20, 2 ** 20 + 65_536]
const numbers = [
  0n,
  1n,
  2n,
  3n,
  4n,
  8n,
  9n,
  16n,
  21n,
  31n,
  64n,
  255n,
  512n,
  4096n,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 40n,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
]

const numberInHex = (chance: Chance): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(chance.pick(numbers))
  const length = chance.pick([1, 2, 4, 8])
  const piece = bytes.subarray(8 - length)
  return (chance.below(2) === 0 ? piece : piece.reverse()).toString('hex')
}

const place = (chance: Chance, length: number): number => {
  switch (chance.below(4)) {
    case 0:
      return chance.below(length + 1)
    case 1:
      return Math.max(0, length - chance.below(1600))
    case 2:
      return chance.below(600)
    default:
      return chance.pick(places) + chance.below(200)
  }
}

const hexOf = (chance: Chance): string => {
  switch (chance.below(3)) {
    case 0:
      return Buffer.from(chance.pick(dictionary), 'latin1').toString('hex')
    case 1:
      return numberInHex(chance)
    default:
      return Buffer.from([chance.below(256)]).toString('hex')
  }
}

const step = (chance: Chance, length: number): Step => {
  const at = place(chance, length)
  switch (chance.below(12)) {
    case 0:
      return ['insert', at, hexOf(chance)]
    case 1:
      return ['cut', at, 1 + chance.below(chance.pick([8, 512, 5000]))]
    case 2:
      return ['end', at]
    default:
      return ['set', at, hexOf(chance)]
  }
}

/** A recipe that differs from one of those that are known to lead somewhere. */
export const mutate = (chance: Chance, corpus: readonly Recipe[]): Recipe => {
  const { seed, steps } = chance.pick(corpus)
  const length = seeds.get(seed)?.length ?? 0
  const kept = steps.filter(([action]) => action !== 'sum').slice(0, 12)
  const borrowed = chance.below(8) === 0 ? chance.pick(corpus).steps.slice(0, 4) : []
  const added = Array.from({ length: 1 + chance.below(4) }, () => step(chance, length))
  const all = [...kept, ...borrowed, ...added]
  return { seed, steps: chance.below(4) === 0 ? all : [...all, ['sum']] }
}
