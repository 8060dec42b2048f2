import { crc32c } from '../../src/inspect/crc32c.ts'
import { seeds } from './seeds.ts'

/** One step of a recipe. Numbers beyond the end do nothing. Bytes are in hex. */
export type Step =
  | readonly ['set', at: number, hex: string]
  | readonly ['insert', at: number, hex: string]
  | readonly ['cut', at: number, length: number]
  | readonly ['end', at: number]
  | readonly ['sum']

/** How an input is made from a seed: small, readable, and the same for ever. */
export interface Recipe {
  readonly seed: string
  readonly steps: readonly Step[]
}

/** Sums that a reader checks first would hide everything behind them. */
const sumTar = (bytes: Buffer): void => {
  for (let at = 0; at + 512 <= Math.min(bytes.length, 200_000); at += 512) {
    if (bytes.toString('latin1', at + 257, at + 262) !== 'ustar') continue
    bytes.write('        ', at + 148, 'latin1')
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
  }
}

const sumVhd = (bytes: Buffer, at: number, length: number, sumAt: number, mark: string): void => {
  if (at < 0 || at + length > bytes.length || bytes.toString('latin1', at, at + 8) !== mark) return
  bytes.writeUInt32BE(0, at + sumAt)
  const sum = bytes.subarray(at, at + length).reduce((total, byte) => total + byte, 0)
  bytes.writeUInt32BE(~sum >>> 0, at + sumAt)
}

const sumVhdx = (bytes: Buffer): void => {
  if (bytes.length < 320 * 1024) return
  for (const [at, length] of [
    [65_536, 4096],
    [131_072, 4096],
    [196_608, 65_536],
    [262_144, 65_536],
  ] as const) {
    bytes.writeUInt32LE(0, at + 4)
    bytes.writeUInt32LE(crc32c(bytes.subarray(at, at + length)), at + 4)
  }
}

const sumUp = (bytes: Buffer): Buffer => {
  if (bytes.toString('latin1', 257, 262) === 'ustar') sumTar(bytes)
  sumVhd(bytes, 0, 512, 64, 'conectix')
  sumVhd(bytes, 512, 1024, 36, 'cxsparse')
  sumVhd(bytes, bytes.length - 512, 512, 64, 'conectix')
  if (bytes.toString('latin1', 0, 8) === 'vhdxfile') sumVhdx(bytes)
  return bytes
}

const follow = (bytes: Buffer, step: Step): Buffer => {
  if (step[0] === 'sum') return sumUp(bytes)
  const [action, at, what] = step
  if (at > bytes.length) return bytes
  if (action === 'end') return bytes.subarray(0, at)
  if (action === 'cut') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + what)])
  const piece = Buffer.from(what, 'hex')
  if (action === 'insert') return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
  piece.copy(bytes, at, 0, Math.min(piece.length, bytes.length - at))
  return bytes
}

export const bake = ({ seed, steps }: Recipe): Buffer => {
  const start = seeds.get(seed)
  if (start === undefined) throw new Error(`There is no seed "${seed}".`)
  return steps.reduce(follow, Buffer.from(start))
}
