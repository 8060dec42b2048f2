import { createDiskInspector, type DiskInspector } from './disk-inspector.ts'
import type { Archive, DiskFinding } from './finding.ts'
import { isSafeName } from './member-name.ts'
import { maxOvfBytes, whyOvfUnsafe } from './ovf.ts'
import { whyMemberUnsafe, whyUnsafe } from './rules.ts'
import { readPaxRecords, readTarHeader, type TarHeader, tarBlockBytes } from './tar.ts'

const maxFiles = 1000
// Of what describes the next file: a long name, or attributes.
const maxDescriptionBytes = 64 * 1024
// Attributes by which a reader would see other files than are walked here.
const alteringKeys = /^(?:GNU\.sparse\.|linkpath$|hdrcharset$|SCHILY\.realsize$)/

/** Something in an archive that must not be in an ova. */
interface Fault {
  /** As a clause about "they". */
  readonly why: string
  /**
   * `content`: whoever uses the file opens others by it. `form`: it makes sense in other archives. `end`: from here on readers
   * would see different files, and nothing more is looked at.
   */
  readonly kind: 'content' | 'form' | 'end'
}

const damaged: Fault = { why: 'their tar archive is damaged', kind: 'end' }

/** Where the bytes of a member go. */
interface Sink {
  push(bytes: Uint8Array): void
  finish(): Fault | null
}

const nothing: Sink = { push: () => {}, finish: () => null }

const collect = (finish: (bytes: Uint8Array) => Fault | null): Sink => {
  const pieces: Uint8Array[] = []
  return {
    push: (bytes) => {
      pieces.push(Buffer.from(bytes))
    },
    finish: () => finish(Buffer.concat(pieces)),
  }
}

/** A name as it may stand in a message. */
const shown = (name: string, index: number): string => (/^[\w. /-]{1,100}$/.test(name) ? name : `number ${index}`)

const ofFile = (name: string, index: number, why: string): string => `in their file ${shown(name, index)}, ${why}`

const faultOf = (name: string, index: number, why: string | null, kind: Fault['kind']): Fault | null =>
  why === null ? null : { why: ofFile(name, index, why), kind }

const diskSink = (name: string, index: number): Sink => {
  const inspector: DiskInspector = createDiskInspector()
  return {
    push: inspector.push,
    finish: () => {
      const finding: DiskFinding = inspector.finish()
      const why = whyMemberUnsafe(name, finding)
      return whyUnsafe(finding) === null ? faultOf(name, index, why, 'form') : faultOf(name, index, why, 'content')
    },
  }
}

const ovfSink = (name: string, index: number): Sink =>
  collect((bytes) => faultOf(name, index, whyOvfUnsafe(bytes), 'content'))

/** Walks through a tar archive as it passes. */
export interface ArchiveWalk {
  push(chunk: Uint8Array): void
  finish(): void
  /** What was seen up to here; null unless the bytes start like a tar archive. Of what is unsafe, the first is told. */
  found(): Archive | null
}

export const createArchiveWalk = (): ArchiveWalk => new Walk()

const zeros = Buffer.alloc(64 * 1024)

const isAllZero = (bytes: Uint8Array): boolean => {
  for (let at = 0; at < bytes.byteLength; at += zeros.byteLength) {
    const piece = bytes.subarray(at, at + zeros.byteLength)
    if (Buffer.compare(piece, zeros.subarray(0, piece.byteLength)) !== 0) return false
  }
  return true
}

/** Links, devices and pipes have no bytes; of other kinds it is not known how many. */
const endsWalk = (type: string, sizeBytes: number): boolean =>
  !/^[05]$/.test(type) && !(/^[12346]$/.test(type) && sizeBytes === 0)

class Walk implements ArchiveWalk {
  readonly #block = Buffer.alloc(tarBlockBytes)
  #blockFilled = 0
  #isArchive: boolean | undefined
  #unsafe: string | null = null
  #unsafeContent: string | null = null
  #ended = false
  #stopped = false
  #files = 0
  readonly #names = new Set<string>()
  #sink: Sink = nothing
  #bodyLeft = 0
  #paddingLeft = 0
  /** What the members before said about the next one. */
  #described = new Map<string, string>()

  readonly #takePax = (bytes: Uint8Array): Fault | null => {
    const records = readPaxRecords(bytes)
    if (records === undefined) return damaged
    const size = records.get('size')
    if (size !== undefined && !/^\d{1,15}$/.test(size)) return damaged
    return this.#describe(records)
  }

  readonly #takeLongName = (bytes: Uint8Array): Fault | null => {
    const [name = ''] = Buffer.from(bytes).toString('utf8').split('\0', 1)
    return this.#describe(new Map([['path', name]]))
  }

  /** Attributes for all files that follow: comments are common, names and sizes would make no sense. */
  readonly #takeGlobal = (bytes: Uint8Array): Fault | null => {
    const records = readPaxRecords(bytes)
    if (records === undefined) return damaged
    const alters = [...records.keys()].some((key) => key === 'path' || key === 'size' || alteringKeys.test(key))
    return alters ? damaged : null
  }

  /** Members that say something about others, by their type. */
  readonly #descriptions: Readonly<Record<string, ((bytes: Uint8Array) => Fault | null) | undefined>> = {
    x: this.#takePax,
    L: this.#takeLongName,
    g: this.#takeGlobal,
  }

  push(chunk: Uint8Array): void {
    let rest = chunk
    while (rest.byteLength > 0 && this.#isArchive !== false && !this.#stopped) {
      rest = rest.subarray(this.#take(rest))
    }
  }

  finish(): void {
    if (this.#isArchive !== true || this.#stopped || this.#ended) return
    const isInside = this.#blockFilled + this.#bodyLeft + this.#paddingLeft + this.#described.size > 0
    if (isInside) this.#note({ why: 'their end is missing', kind: 'end' })
    // A disk that is cut off with its archive can still name files.
    if (this.#bodyLeft > 0) this.#note(this.#sink.finish())
  }

  found(): Archive | null {
    if (this.#isArchive !== true) return null
    return { files: this.#files, unsafe: this.#unsafe, unsafeContent: this.#unsafeContent }
  }

  #note(fault: Fault | null): void {
    if (fault === null) return
    this.#unsafe ??= fault.why
    if (fault.kind === 'content') this.#unsafeContent ??= fault.why
    if (fault.kind === 'end') this.#stopped = true
  }

  /** @returns how many of the bytes were used, at least one */
  #take(bytes: Uint8Array): number {
    if (this.#ended) {
      // Some readers go on behind the end, others do not.
      if (!isAllZero(bytes)) this.#note({ why: 'their tar archive goes on behind its end', kind: 'end' })
      return bytes.byteLength
    }
    if (this.#bodyLeft > 0) {
      const piece = bytes.subarray(0, this.#bodyLeft)
      this.#sink.push(piece)
      this.#bodyLeft -= piece.byteLength
      if (this.#bodyLeft === 0) this.#note(this.#sink.finish())
      return piece.byteLength
    }
    if (this.#paddingLeft > 0) {
      const length = Math.min(this.#paddingLeft, bytes.byteLength)
      this.#paddingLeft -= length
      return length
    }
    const piece = bytes.subarray(0, tarBlockBytes - this.#blockFilled)
    this.#block.set(piece, this.#blockFilled)
    this.#blockFilled += piece.byteLength
    if (this.#blockFilled === tarBlockBytes) {
      this.#blockFilled = 0
      this.#takeHeader(readTarHeader(this.#block))
    }
    return piece.byteLength
  }

  #takeHeader(header: TarHeader | 'end' | undefined): void {
    if (this.#isArchive === undefined) this.#isArchive = header !== undefined && header !== 'end'
    if (!this.#isArchive) return
    if (header === undefined) this.#note(damaged)
    else if (header === 'end') {
      this.#ended = true
      if (this.#described.size > 0) this.#note(damaged)
    } else this.#open(header)
  }

  #open(header: TarHeader): void {
    const description = this.#descriptions[header.type]
    if (description === undefined) this.#openMember(header)
    else if (header.sizeBytes > maxDescriptionBytes) this.#note(damaged)
    else this.#read(header.sizeBytes, collect(description))
  }

  #openMember({ type, ...header }: TarHeader): void {
    const name = this.#described.get('path') ?? header.name
    const statedSize = this.#described.get('size')
    this.#described = new Map()
    const index = ++this.#files
    const sizeBytes = statedSize === undefined ? header.sizeBytes : Number(statedSize)
    const kind = endsWalk(type, sizeBytes) ? 'end' : 'form'
    this.#note(faultOf(name, index, this.#whyMemberRefused(name, type), kind))
    if (index > maxFiles) this.#note({ why: `they hold more than ${maxFiles} files`, kind: 'end' })
    if (!Number.isSafeInteger(sizeBytes) || (type === '5' && sizeBytes > 0)) this.#note(damaged)
    if (!this.#stopped) this.#read(sizeBytes, type === '0' ? this.#sinkFor(name, index, sizeBytes) : nothing)
  }

  #sinkFor(name: string, index: number, sizeBytes: number): Sink {
    if (!name.toLowerCase().endsWith('.ovf')) return diskSink(name, index)
    if (sizeBytes <= maxOvfBytes) return ovfSink(name, index)
    this.#note(faultOf(name, index, 'there is too much for an OVF', 'form'))
    return diskSink(name, index)
  }

  #whyMemberRefused(name: string, type: string): string | null {
    if (type === '1' || type === '2') return 'there is a link instead of bytes'
    if (type !== '0' && type !== '5') return 'there is something else than a file'
    if (!isSafeName(name)) return 'the name leads out of the archive'
    const plain = plainName(name)
    // Which of two files of one name is used would be up to the reader.
    if (this.#names.has(plain) && type !== '5') return 'there is a name that another file has'
    this.#names.add(plain)
    return null
  }

  #read(sizeBytes: number, sink: Sink): void {
    this.#sink = sink
    this.#bodyLeft = sizeBytes
    this.#paddingLeft = (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes
    if (sizeBytes === 0) this.#note(sink.finish())
  }

  /** Readers disagree about which of two descriptions holds. */
  #describe(records: ReadonlyMap<string, string>): Fault | null {
    for (const [key, value] of records) {
      if (alteringKeys.test(key)) return { why: 'they hold something else than plain files', kind: 'end' }
      if (this.#described.has(key)) return damaged
      this.#described.set(key, value)
    }
    // That there was a description counts even when it was empty.
    this.#described.set('', '')
    return null
  }
}

const plainName = (name: string): string =>
  name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
    .toLowerCase()
