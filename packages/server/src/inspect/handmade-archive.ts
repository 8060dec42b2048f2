/** Tar archives made by hand, for tests. */

export interface TarEntryOptions {
  readonly type?: string
  readonly link?: string
  /** Instead of the number of bytes. */
  readonly sizeField?: string
  readonly damaged?: boolean
  readonly posix?: boolean
}

export type TarEntry = readonly [name: string, bytes?: Uint8Array, options?: TarEntryOptions]

const padding = (bytes: Uint8Array): Buffer => Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)

const header = ([name, bytes = Buffer.alloc(0), options = {}]: TarEntry): Buffer => {
  const { type = '0', link = '', damaged = false, posix = true } = options
  const { sizeField = `${bytes.byteLength.toString(8).padStart(11, '0')}\0` } = options
  const block = Buffer.alloc(512)
  block.write(name, 0, 100, 'latin1')
  block.write('0000644\x000000000\x000000000\x00', 100, 'latin1')
  block.write(sizeField, 124, 12, 'latin1')
  block.write('14000000000\0', 136, 'latin1')
  block.write('        ', 148, 'latin1')
  block.write(type, 156, 1, 'latin1')
  block.write(link, 157, 100, 'latin1')
  if (posix) block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, damaged ? 1 : 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

export const tarEntry = (entry: TarEntry): Buffer => {
  const [, bytes = Buffer.alloc(0)] = entry
  return Buffer.concat([header(entry), bytes, padding(bytes)])
}

export const tarEnd = Buffer.alloc(1024)

export const ova = (...entries: readonly TarEntry[]): Buffer => Buffer.concat([...entries.map(tarEntry), tarEnd])

/** The records of a pax header. */
export const pax = (records: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.byteLength(` ${key}=${value}\n`)
      // The length counts its own digits.
      const length = rest + String(rest + String(rest).length).length
      return Buffer.from(`${length} ${key}=${value}\n`)
    }),
  )

export const ovf = (href = 'disk.vmdk', extra = ''): Buffer =>
  Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
${extra}<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:href="${href}" ovf:id="file1"/></References>
  <DiskSection><Disk ovf:diskId="d" ovf:fileRef="file1" ovf:capacity="1048576"/></DiskSection>
</Envelope>
`)
