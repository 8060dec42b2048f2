/** Small images made by hand, for tests: sound by default, each with what makes it bad on request. */
import { crc32c } from './crc32c.ts'

const join = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts)

const put = (into: Buffer, at: number, bytes: string | Uint8Array): void => {
  into.set(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, at)
}

export interface Qcow2Options {
  readonly version?: number
  readonly sizeBytes?: bigint
  readonly backingFile?: string
  readonly incompatible?: bigint
  readonly clusterBits?: number
  readonly autoclear?: bigint
  readonly headerBytes?: number
  readonly compression?: number
  readonly encryption?: number
  readonly snapshots?: number
  readonly l1Entries?: number
  /** Header extensions: type and data. */
  readonly extensions?: ReadonlyArray<readonly [number, string]>
  readonly endlessExtensions?: boolean
}

export const qcow2 = (options: Qcow2Options = {}): Buffer => {
  const { version = 3, sizeBytes = 1n << 30n, backingFile, incompatible = 0n, clusterBits = 16 } = options
  const { headerBytes = 112, extensions = [], compression = 0 } = options
  const image = Buffer.alloc(196_616)
  put(image, 0, 'QFI\xfb')
  image.writeUInt32BE(version, 4)
  if (backingFile !== undefined) {
    image.writeBigUInt64BE(512n, 8)
    image.writeUInt32BE(backingFile.length, 16)
    put(image, 512, backingFile)
  }
  image.writeUInt32BE(clusterBits, 20)
  image.writeBigUInt64BE(sizeBytes, 24)
  image.writeUInt32BE(options.encryption ?? 0, 32)
  image.writeUInt32BE(options.l1Entries ?? 2, 36)
  image.writeUInt32BE(1, 56)
  image.writeUInt32BE(options.snapshots ?? 0, 60)
  if (version === 3) {
    image.writeBigUInt64BE(incompatible, 72)
    image.writeBigUInt64BE(options.autoclear ?? 0n, 88)
    image.writeUInt32BE(4, 96)
    image.writeUInt32BE(headerBytes, 100)
    image.writeUInt8(compression, 104)
  }
  let at = version === 3 ? headerBytes : 72
  for (const [type, data] of extensions) {
    image.writeUInt32BE(type, at)
    image.writeUInt32BE(data.length, at + 4)
    put(image, at + 8, data)
    at += 8 + Math.ceil(data.length / 8) * 8
  }
  if (options.endlessExtensions) for (; at < image.length - 8; at += 8) image.writeUInt32BE(1, at)
  return image
}

export interface VmdkOptions {
  readonly createType?: string
  readonly extent?: string
  readonly extra?: string
  readonly sectors?: bigint
  readonly descriptorSector?: bigint
  readonly descriptorSectors?: bigint
  readonly footer?: 'none' | 'same' | 'larger' | 'missing'
}

export const vmdk = (options: VmdkOptions = {}): Buffer => {
  const { createType = 'monolithicSparse', extent = 'RW 2048 SPARSE "disk.vmdk"', extra = '' } = options
  const { sectors = 2048n, descriptorSector = 1n, descriptorSectors = 20n, footer = 'none' } = options
  const image = Buffer.alloc(137 * 512)
  const header = (capacity: bigint, directory: bigint): Buffer => {
    const sector = Buffer.alloc(512)
    put(sector, 0, 'KDMV')
    sector.writeUInt32LE(1, 4)
    sector.writeBigUInt64LE(capacity, 12)
    sector.writeBigUInt64LE(128n, 20)
    sector.writeBigUInt64LE(descriptorSector, 28)
    sector.writeBigUInt64LE(descriptorSectors, 36)
    sector.writeBigUInt64LE(directory, 56)
    return sector
  }
  put(image, 0, header(sectors, footer === 'none' ? 21n : 0xffff_ffff_ffff_ffffn))
  const lines = [
    '# Disk DescriptorFile',
    'version=1',
    'CID=1',
    'parentCID=ffffffff',
    `createType="${createType}"`,
    extent,
  ]
  put(image, 512, `${[...lines, extra].join('\n')}\n`)
  if (footer === 'none' || footer === 'missing') return image
  return join(image, Buffer.alloc(512), header(footer === 'same' ? sectors : sectors * 2n, 30n), Buffer.alloc(512))
}

export interface VhdOptions {
  readonly type?: 'fixed' | 'dynamic' | 'differencing'
  readonly sizeBytes?: bigint
  readonly footerSizeBytes?: bigint
  readonly damaged?: boolean
  readonly content?: Buffer
  readonly cylinders?: number
  readonly heads?: number
  readonly sectorsPerTrack?: number
  readonly parentName?: string
  readonly dynamicHeaderAt?: bigint
  readonly blocks?: number
}

/** Writes the sum of a vhd structure into it. */
const sumUp = (bytes: Buffer, at: number, damaged = false): Buffer => {
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.writeUInt32BE((~sum ^ (damaged ? 1 : 0)) >>> 0, at)
  return bytes
}

const vhdFooter = (type: number, sizeBytes: bigint, options: VhdOptions): Buffer => {
  const footer = Buffer.alloc(512)
  put(footer, 0, 'conectix')
  footer.writeUInt32BE(0x10000, 12)
  footer.writeBigUInt64BE(type === 2 ? 0xffff_ffff_ffff_ffffn : (options.dynamicHeaderAt ?? 512n), 16)
  footer.writeBigUInt64BE(sizeBytes, 40)
  footer.writeBigUInt64BE(sizeBytes, 48)
  footer.writeUInt16BE(options.cylinders ?? 1, 56)
  footer.writeUInt8(options.heads ?? 1, 58)
  footer.writeUInt8(options.sectorsPerTrack ?? 17, 59)
  footer.writeUInt32BE(type, 60)
  return sumUp(footer, 64, options.damaged)
}

const vhdDynamicHeader = ({ parentName = '', blocks = 1024 }: VhdOptions): Buffer => {
  const header = Buffer.alloc(1024)
  put(header, 0, 'cxsparse')
  header.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 8)
  header.writeBigUInt64BE(1536n, 16)
  header.writeUInt32BE(0x10000, 24)
  header.writeUInt32BE(blocks, 28)
  header.writeUInt32BE(2 ** 21, 32)
  put(header, 64, Buffer.from(parentName, 'utf16le').swap16())
  return sumUp(header, 36)
}

export const vhd = (options: VhdOptions = {}): Buffer => {
  const { type = 'dynamic', content = Buffer.alloc(100_000) } = options
  const { sizeBytes = type === 'fixed' ? BigInt(content.length) : 1n << 30n } = options
  const code = { fixed: 2, dynamic: 3, differencing: 4 }[type]
  const footer = vhdFooter(code, options.footerSizeBytes ?? sizeBytes, options)
  if (type === 'fixed') return join(content, footer)
  return join(vhdFooter(code, sizeBytes, options), vhdDynamicHeader(options), content, footer)
}

const guid = (text: string): Buffer => {
  const [a = '', b = '', c = '', ...rest] = text.split('-')
  return join(...[a, b, c].map((group) => Buffer.from(group, 'hex').reverse()), Buffer.from(rest.join(''), 'hex'))
}

export interface VhdxOptions {
  readonly sizeBytes?: bigint
  readonly hasParent?: boolean
  readonly parentLocator?: boolean
  readonly logPending?: boolean
  readonly metadataAt?: number
  readonly unknownRegion?: boolean
  readonly unknownItem?: boolean
  /** Which of the two headers or region tables has a wrong sum. */
  readonly damagedHeader?: 0 | 1
  readonly damagedRegions?: 0 | 1
  /** Where the copy of the region table finds the metadata. */
  readonly copyMetadataAt?: number
}

const vhdxHeader = (index: number, { logPending = false, damagedHeader }: VhdxOptions): Buffer => {
  const header = Buffer.alloc(4096)
  put(header, 0, 'head')
  header.writeBigUInt64LE(BigInt(index + 1), 8)
  header.writeUInt16LE(1, 66)
  if (logPending && index === 1) header.writeUInt8(1, 48)
  header.writeUInt32LE((crc32c(header) ^ (damagedHeader === index ? 1 : 0)) >>> 0, 4)
  return header
}

const vhdxRegions = (metadataAt: number, unknownRegion: boolean, damaged: boolean): Buffer => {
  const table = Buffer.alloc(2 ** 16)
  put(table, 0, 'regi')
  table.writeUInt32LE(unknownRegion ? 2 : 1, 8)
  put(table, 16, guid('8b7ca206-4790-4b9a-b8fe-575f050f886e'))
  table.writeBigUInt64LE(BigInt(metadataAt), 32)
  if (unknownRegion) {
    put(table, 48, guid('00000000-1111-2222-3333-444444444444'))
    table.writeUInt32LE(1, 48 + 28)
  }
  table.writeUInt32LE((crc32c(table) ^ (damaged ? 1 : 0)) >>> 0, 4)
  return table
}

export const vhdx = (options: VhdxOptions = {}): Buffer => {
  const { sizeBytes = 1n << 30n, hasParent = false, parentLocator = false, damagedRegions } = options
  const { metadataAt = 2 ** 20, copyMetadataAt = metadataAt, unknownRegion = false, unknownItem = false } = options
  const image = Buffer.alloc(2 ** 20 + 2 ** 17)
  put(image, 0, 'vhdxfile')
  for (const [index, at] of [2 ** 16, 2 ** 17].entries()) put(image, at, vhdxHeader(index, options))
  put(image, 192 * 1024, vhdxRegions(metadataAt, unknownRegion, damagedRegions === 0))
  put(image, 256 * 1024, vhdxRegions(copyMetadataAt, unknownRegion, damagedRegions === 1))
  const table = 2 ** 20
  const ids = ['caa16737-fa36-4d43-b3b6-33f0aa44e76b', '2fa54224-cd1b-4876-b211-5dbed83bf4b8']
  if (parentLocator) ids.push('a8d35f2d-b30b-454d-abf7-d3d84834ab0c')
  if (unknownItem) ids.push('00000000-1111-2222-3333-444444444444')
  put(image, table, 'metadata')
  image.writeUInt16LE(ids.length, table + 10)
  for (const [index, id] of ids.entries()) {
    put(image, table + 32 + index * 32, guid(id))
    image.writeUInt32LE(65_536 + index * 8, table + 32 + index * 32 + 16)
    image.writeUInt32LE(4, table + 32 + index * 32 + 24)
  }
  image.writeUInt32LE(hasParent ? 2 : 0, table + 65_536 + 4)
  image.writeBigUInt64LE(sizeBytes, table + 65_536 + 8)
  return image
}

export interface VdiOptions {
  readonly type?: number
  readonly parent?: boolean
  readonly version?: number
  readonly blocks?: number
}

export const vdi = ({ type = 1, parent = false, version = 0x10001, blocks = 1024 }: VdiOptions = {}): Buffer => {
  const image = Buffer.alloc(100_000)
  put(image, 0, '<<< Oracle VM VirtualBox Disk Image >>>\n')
  image.writeUInt32LE(0xbeda107f, 0x40)
  image.writeUInt32LE(version, 0x44)
  image.writeUInt32LE(type, 0x4c)
  image.writeBigUInt64LE(1n << 30n, 0x170)
  image.writeUInt32LE(2 ** 20, 0x178)
  image.writeUInt32LE(blocks, 0x180)
  if (parent) image.writeUInt8(1, 0x1b8)
  return image
}

export const iso = (sectors = 300): Buffer => {
  const image = Buffer.alloc(sectors * 2048)
  put(image, 16 * 2048, '\x01CD001\x01')
  image.writeUInt32LE(sectors, 16 * 2048 + 80)
  image.writeUInt16LE(2048, 16 * 2048 + 128)
  put(image, 17 * 2048, '\xffCD001\x01')
  return image
}

export const mbr = (): Buffer => {
  const image = Buffer.alloc(100_000)
  image.writeUInt8(0x80, 446)
  image.writeUInt8(0x83, 450)
  put(image, 510, '\x55\xaa')
  return image
}

export const gpt = (): Buffer => {
  const image = mbr()
  image.writeUInt8(0xee, 450)
  put(image, 512, 'EFI PART')
  return image
}

export interface PloopOptions {
  readonly older?: boolean
  readonly version?: number
  readonly sectors?: bigint
}

export const ploop = ({ older = false, version = 2, sectors = 2n ** 21n }: PloopOptions = {}): Buffer => {
  const image = Buffer.alloc(100_000)
  put(image, 0, older ? 'WithoutFreeSpace' : 'WithouFreSpacExt')
  image.writeUInt32LE(version, 16)
  image.writeUInt32LE(2048, 28)
  image.writeUInt32LE(1024, 32)
  image.writeBigUInt64LE(sectors, 36)
  return image
}

export const luks = (): Buffer => join(Buffer.from('LUKS\xba\xbe\x00\x02', 'latin1'), Buffer.alloc(50_000))

export const qed = (): Buffer => join(Buffer.from('QED\0', 'latin1'), Buffer.alloc(70_000))

export const plain = (sizeBytes = 100_000): Buffer => Buffer.alloc(sizeBytes, 0x5a)
