import { isZero, textAt } from './bytes.ts'

// POSIX.1-2017, pax: "ustar Interchange Format"; the GNU tar manual: "Basic Tar Format".
export const tarBlockBytes = 512
const sizeAt = 124
const sumAt = 148
const sumEnd = 156
const typeAt = 156
const markAt = 257
const prefixAt = 345
const prefixEnd = 500

export interface TarHeader {
  readonly name: string
  readonly sizeBytes: number
  /** One character; "0" is a file. */
  readonly type: string
}

const untilZero = (text: string): string => text.split('\0', 1)[0] ?? ''

/** Octal digits, or a binary number when the highest bit is set. Whatever readers could take for two numbers is none. */
const numberAt = (block: Uint8Array, start: number, end: number): number | undefined => {
  const field = block.subarray(start, end)
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    return Number.isSafeInteger(value) ? value : undefined
  }
  const text = textAt(block, start, end)
  if (/^[ \0]*$/.test(text)) return 0
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(text) ?? []
  return digits === undefined ? undefined : Number.parseInt(digits, 8)
}

/** Some old programs added the bytes as signed numbers. */
const isSummed = (block: Uint8Array): boolean => {
  const stated = numberAt(block, sumAt, sumEnd)
  let unsigned = 0
  let signed = 0
  for (const [at, byte] of block.entries()) {
    const value = at >= sumAt && at < sumEnd ? 0x20 : byte
    unsigned += value
    signed += value > 127 ? value - 256 : value
  }
  return stated === unsigned || stated === signed
}

const nameOf = (block: Uint8Array): string => {
  const name = untilZero(textAt(block, 0, 100))
  // GNU tar keeps times where others keep the start of a long name.
  const isPosix = textAt(block, markAt, markAt + 8) === 'ustar\x0000'
  const prefix = isPosix ? untilZero(textAt(block, prefixAt, prefixEnd)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** @returns "end" for the zeros that end an archive; undefined for what is no header */
export const readTarHeader = (block: Uint8Array): TarHeader | 'end' | undefined => {
  if (isZero(block)) return 'end'
  const sizeBytes = numberAt(block, sizeAt, sizeAt + 12)
  if (sizeBytes === undefined || !isSummed(block)) return undefined
  const type = textAt(block, typeAt, typeAt + 1)
  return { name: nameOf(block), sizeBytes, type: type === '\0' ? '0' : type }
}

/**
 * Records of pax, each "LENGTH KEY=VALUE\n", in UTF-8.
 * @returns undefined for what is none of that
 */
export const readPaxRecords = (bytes: Uint8Array): ReadonlyMap<string, string> | undefined => {
  const records = new Map<string, string>()
  const all = Buffer.from(bytes)
  for (let at = 0; at < all.byteLength; ) {
    const space = all.indexOf(0x20, at)
    const lengthText = space === -1 ? '' : all.toString('latin1', at, space)
    const end = at + Number(lengthText)
    if (!/^[1-9]\d{0,6}$/.test(lengthText) || end > all.byteLength || end < space + 2 || all[end - 1] !== 0x0a)
      return undefined
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(all.toString('utf8', space + 1, end - 1)) ?? []
    if (key === undefined || value === undefined || records.has(key)) return undefined
    records.set(key, value)
    at = end
  }
  return records
}
