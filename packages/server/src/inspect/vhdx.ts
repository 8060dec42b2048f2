import { isZero, startsWith, textAt, viewOf } from './bytes.ts'
import { crc32c } from './crc32c.ts'
import { type Match, sized, unsafe } from './finding.ts'
import type { Window } from './windows.ts'

// https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-vhdx/
const kib = 1024
const headerAt = [64 * kib, 128 * kib] as const
const headerBytes = 4 * kib
const regionTablesAt = [192 * kib, 256 * kib] as const
const tableBytes = 64 * kib
const entryBytes = 32

/** A GUID as it stands in the file: the first three groups are little-endian. */
const guid = (text: string): string => {
  const [a = '', b = '', c = '', ...rest] = text.split('-')
  const reversed = [a, b, c].map((group) => Buffer.from(group, 'hex').reverse().toString('latin1'))
  return [...reversed, Buffer.from(rest.join(''), 'hex').toString('latin1')].join('')
}

const batRegion = guid('2dc27766-f623-4200-9d64-115e9bfd4a08')
const metadataRegion = guid('8b7ca206-4790-4b9a-b8fe-575f050f886e')
const fileParameters = guid('caa16737-fa36-4d43-b3b6-33f0aa44e76b')
const virtualDiskSize = guid('2fa54224-cd1b-4876-b211-5dbed83bf4b8')
const parentLocator = guid('a8d35f2d-b30b-454d-abf7-d3d84834ab0c')
const harmlessItems: ReadonlySet<string> = new Set([
  guid('8141bf1d-a96f-4709-ba47-f233a8faab5f'), // Size of a logical sector.
  guid('cda348c7-445d-4471-9cc9-e9885251c556'), // Size of a physical one.
  guid('beca12ab-b2e6-4523-93ef-c309e000c746'), // Identity of the disk.
])
const requiredRegion = 1
const requiredItem = 4

const damaged = 'their vhdx tables are damaged'
const unknownFeatures = 'they need features of vhdx that are not known here'

/** Headers and region tables hold a sum of themselves; programs pick among two copies by it. */
const isSound = (bytes: Uint8Array, mark: string, length: number): boolean => {
  if (bytes.byteLength < length || !startsWith(bytes, mark)) return false
  const copy = Buffer.from(bytes.subarray(0, length))
  const stated = copy.readUInt32LE(4)
  copy.writeUInt32LE(0, 4)
  return crc32c(copy) === stated
}

interface Header {
  readonly sequence: bigint
  readonly logPending: boolean
}

const readHeader = (bytes: Uint8Array): Header | undefined => {
  if (!isSound(bytes, 'head', headerBytes)) return undefined
  const view = viewOf(bytes)
  if (view.getUint16(66, true) !== 1) return undefined
  return { sequence: view.getBigUint64(8, true), logPending: !isZero(bytes.subarray(48, 64)) }
}

interface Entry {
  readonly id: string
  readonly view: DataView
}

const entriesOf = (table: Uint8Array, from: number, count: number): Entry[] | undefined => {
  if (from + count * entryBytes > table.byteLength) return undefined
  return Array.from({ length: count }, (_, index) => {
    const at = from + index * entryBytes
    return { id: textAt(table, at, at + 16), view: viewOf(table.subarray(at, at + entryBytes)) }
  })
}

export interface VhdxReading {
  readonly windows: readonly Window[]
  /** To be asked after the last byte. */
  result(): Match
}

/** Reads the tables of a vhdx as they pass. Each table lies behind the one that points to it. */
export const readVhdx = (head: Uint8Array): VhdxReading | undefined => {
  if (!startsWith(head, 'vhdxfile')) return undefined
  let why: string | undefined
  let size: bigint | undefined
  let parametersSeen = false

  const refuse = (reason: string): [] => {
    why ??= reason
    return []
  }

  const takeHeader2 = (bytes: Uint8Array): [] => {
    const first = readHeader(head.subarray(headerAt[0]))
    const second = readHeader(bytes)
    if (first === undefined || second === undefined) return refuse('their vhdx header is damaged')
    const isPending =
      first.sequence === second.sequence
        ? first.logPending || second.logPending
        : (first.sequence > second.sequence ? first : second).logPending
    // The log would be written over the tables that are read here.
    return isPending ? refuse('they were not closed properly and hold a log to be replayed') : []
  }

  const takeSize = (bytes: Uint8Array): [] => {
    if (bytes.byteLength < 8) return refuse('their end is missing')
    size = viewOf(bytes).getBigUint64(0, true)
    return []
  }

  const takeParameters = (bytes: Uint8Array): [] => {
    if (bytes.byteLength < 8) return refuse('their end is missing')
    parametersSeen = true
    const hasParent = (viewOf(bytes).getUint32(4, true) & 2) !== 0
    return hasParent ? refuse('they name a parent disk') : []
  }

  const takeMetadata =
    (metadataAt: number) =>
    (table: Uint8Array): readonly Window[] => {
      if (table.byteLength < tableBytes || !startsWith(table, 'metadata')) return refuse(damaged)
      const entries = entriesOf(table, entryBytes, viewOf(table).getUint16(10, true))
      if (entries === undefined) return refuse(damaged)
      const windows: Window[] = []
      for (const { id, view } of entries) {
        const offset = view.getUint32(16, true)
        if (id === parentLocator) return refuse('they name a parent disk')
        if (id !== fileParameters && id !== virtualDiskSize) {
          const isRequired = (view.getUint32(24, true) & requiredItem) !== 0
          if (isRequired && !harmlessItems.has(id)) return refuse(unknownFeatures)
          continue
        }
        if (offset < tableBytes) return refuse(damaged)
        windows.push({
          start: metadataAt + offset,
          length: 8,
          take: id === virtualDiskSize ? takeSize : takeParameters,
        })
      }
      return windows.length === 2 ? windows : refuse(damaged)
    }

  const takeRegions = (table: Uint8Array): readonly Window[] => {
    if (!isSound(table, 'regi', tableBytes)) return refuse(damaged)
    const entries = entriesOf(table, 16, viewOf(table).getUint32(8, true)) ?? []
    const [only, second] = entries.filter(({ id }) => id === metadataRegion)
    if (only === undefined || second !== undefined) return refuse(damaged)
    const strange = entries.filter(({ id }) => id !== metadataRegion && id !== batRegion)
    if (strange.some(({ view }) => (view.getUint32(28, true) & requiredRegion) !== 0)) return refuse(unknownFeatures)
    const start = only.view.getBigUint64(16, true)
    if (start < BigInt(regionTablesAt[1] + tableBytes) || start > BigInt(2 ** 50)) return refuse(damaged)
    const metadata = { start: Number(start), length: tableBytes, take: takeMetadata(Number(start)) }
    const sum = crc32c(table)
    const takeCopy = (copy: Uint8Array): readonly Window[] =>
      copy.byteLength === tableBytes && crc32c(copy) === sum
        ? [metadata]
        : refuse('their vhdx tables contradict each other')
    return [{ start: regionTablesAt[1], length: tableBytes, take: takeCopy }]
  }

  return {
    windows: [
      { start: headerAt[1], length: headerBytes, take: takeHeader2 },
      { start: regionTablesAt[0], length: tableBytes, take: takeRegions },
    ],
    result: () => {
      if (why !== undefined) return unsafe('vhdx', why)
      if (size === undefined || !parametersSeen) return unsafe('vhdx', 'their end is missing')
      return sized('vhdx', size)
    },
  }
}
