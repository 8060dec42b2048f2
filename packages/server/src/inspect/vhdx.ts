import { isZero, startsWith, textAt, viewOf } from './bytes.ts'
import { type Match, sized, unsafe } from './finding.ts'
import type { Window } from './windows.ts'

// https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-vhdx/
const kib = 1024
const headerAt = [64 * kib, 128 * kib] as const
const headerBytes = 80
const regionTableAt = 192 * kib
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

const damaged = 'their vhdx tables are damaged'

interface Header {
  readonly sequence: bigint
  readonly logPending: boolean
}

const readHeader = (bytes: Uint8Array): Header | undefined => {
  if (bytes.byteLength < headerBytes || !startsWith(bytes, 'head')) return undefined
  return { sequence: viewOf(bytes).getBigUint64(8, true), logPending: !isZero(bytes.subarray(48, 64)) }
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
    const current = first === undefined || (second !== undefined && second.sequence > first.sequence) ? second : first
    if (current === undefined) return refuse('their vhdx header is damaged')
    // The log would be written over the tables that are read here.
    return current.logPending ? refuse('they were not closed properly and hold a log to be replayed') : []
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
        if (id !== fileParameters && id !== virtualDiskSize) continue
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
    if (table.byteLength < tableBytes || !startsWith(table, 'regi')) return refuse(damaged)
    const entries = entriesOf(table, 16, viewOf(table).getUint32(8, true))
    const known = entries?.filter(({ id }) => id === metadataRegion || id === batRegion)
    const metadata = known?.filter(({ id }) => id === metadataRegion) ?? []
    const [only] = metadata
    if (only === undefined || metadata.length > 1) return refuse(damaged)
    if (entries?.some(({ id, view }) => id !== metadataRegion && id !== batRegion && view.getUint32(28, true) !== 0)) {
      return refuse('they need features of vhdx that are not known here')
    }
    const start = only.view.getBigUint64(16, true)
    if (start < BigInt(regionTableAt + tableBytes) || start > BigInt(2 ** 50)) return refuse(damaged)
    return [{ start: Number(start), length: tableBytes, take: takeMetadata(Number(start)) }]
  }

  return {
    windows: [
      { start: headerAt[1], length: headerBytes, take: takeHeader2 },
      { start: regionTableAt, length: tableBytes, take: takeRegions },
    ],
    result: () => {
      if (why !== undefined) return unsafe('vhdx', why)
      if (size === undefined || !parametersSeen) return unsafe('vhdx', 'their end is missing')
      return sized('vhdx', size)
    },
  }
}
