import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, runSuccessfully } from './process.ts'

const sectorBytes = 512
const diskBytes = 16 * 1024 * 1024
const lastSector = diskBytes / sectorBytes - 1

/**
 * The program of the boot sector, for a PC in real mode: offset, machine code, assembly. It reads the last sector of the
 * disk it was started from and sends the text found there to the first serial port, so that a line printed proves both
 * ends of the disk. Then it ends QEMU through the port of `isa-debug-exit`.
 */
const bootProgram = `
  00  31 C0          xor  ax, ax
  02  8E D8          mov  ds, ax
  04  8E D0          mov  ss, ax
  06  BC 00 7C       mov  sp, 7C00h       ; the stack grows down from where the BIOS has loaded us
  09  FC             cld
  0A  BE 40 7C       mov  si, 7C40h       ; the disk address packet, at offset 40
  0D  B4 42          mov  ah, 42h         ; extended read; the BIOS has left the number of the drive in dl
  0F  CD 13          int  13h
  11  72 20          jc   33
  13  BE 00 7E       mov  si, 7E00h       ; the sector that was read
  16  AC             lodsb
  17  84 C0          test al, al          ; a zero ends the text
  19  74 11          jz   2C
  1B  88 C3          mov  bl, al
  1D  BA FD 03       mov  dx, 3FDh        ; line status of COM1
  20  EC             in   al, dx
  21  A8 20          test al, 20h         ; can the port take a byte?
  23  74 FB          jz   20
  25  B2 F8          mov  dl, 0F8h        ; 3F8h: data of COM1
  27  88 D8          mov  al, bl
  29  EE             out  dx, al
  2A  EB EA          jmp  16
  2C  B0 2A          mov  al, 42          ; all is well: QEMU ends with (42 << 1) | 1
  2E  E6 F4          out  0F4h, al
  30  F4             hlt
  31  EB FD          jmp  30
  33  B0 01          mov  al, 1           ; the disk could not be read
  35  EB F7          jmp  2E
`

/** What QEMU ends with when the program above ran to its good end. */
const bootedExitCode = 85

const packetOffset = 0x40
const loadedSectorAt = 0x7e00

/** Machine code of a listing; the offsets of the listing are checked. */
const assemble = (listing: string): Buffer => {
  const code: number[] = []
  for (const line of listing.trim().split('\n')) {
    const columns = /^\s*([0-9A-F]{2}) {2}((?:[0-9A-F]{2} )+) +[a-z]/.exec(line)
    if (columns === null) throw new Error(`not a line of assembly: ${line}`)
    const [, offset = '', bytes = ''] = columns
    if (Number.parseInt(offset, 16) !== code.length) throw new Error(`the offset is wrong: ${line}`)
    code.push(...Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
  }
  return Buffer.from(code)
}

/** What BIOS function 42h reads: one sector, the last one, to the address after the boot sector. */
const diskAddressPacket = (): Buffer => {
  const packet = Buffer.alloc(16)
  packet.writeUInt8(packet.length, 0)
  packet.writeUInt16LE(1, 2)
  packet.writeUInt16LE(loadedSectorAt, 4)
  packet.writeBigUInt64LE(BigInt(lastSector), 8)
  return packet
}

const rawDisk = (line: string): Buffer => {
  const disk = Buffer.alloc(diskBytes)
  assemble(bootProgram).copy(disk)
  diskAddressPacket().copy(disk, packetOffset)
  disk.writeUInt16LE(0xaa55, sectorBytes - 2)
  // Bytes that neither compress nor repeat, so that the image has some weight.
  randomBytes(2 * 1024 * 1024).copy(disk, diskBytes / 2)
  disk.write(`${line}\r\n\0`, lastSector * sectorBytes, 'latin1')
  return disk
}

/** A disk image that prints its line when it is booted. */
export interface BootableDisk {
  readonly path: string
  readonly line: string
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  readonly sha512: string
}

export const sha512Of = async (path: string): Promise<string> =>
  createHash('sha512')
    .update(await readFile(path))
    .digest('hex')

/** Makes `disk.qcow2` in a folder, with a line that no other disk has. */
export const makeBootableDisk = async (folder: string): Promise<BootableDisk> => {
  const line = `Vitrine boots ${randomBytes(8).toString('hex')}`
  const rawPath = join(folder, 'disk.raw')
  const path = join(folder, 'disk.qcow2')
  await writeFile(rawPath, rawDisk(line))
  await runSuccessfully('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', rawPath, path])
  const sizeBytes = (await readFile(path)).byteLength
  return { path, line, sizeBytes, virtualSizeBytes: diskBytes, sha512: await sha512Of(path) }
}

/** What a machine printed, and how it ended. */
export interface Booted {
  /** The last line that it sent to the serial port. */
  readonly line: string
  readonly isGood: boolean
  readonly printed: string
}

/** Boots a disk from a path or an address, whether that ends well or not. */
export const tryBoot = async (location: string, format: 'qcow2' | 'raw'): Promise<Booted> => {
  const machine = ['-machine', 'pc,accel=tcg', '-m', '64', '-nodefaults', '-display', 'none', '-monitor', 'none']
  const ends = ['-no-reboot', '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4']
  const drive = ['-drive', `file=${location},format=${format},if=virtio,snapshot=on`]
  const booted = await run('qemu-system-x86_64', [...machine, ...ends, ...drive], { timeoutMs: 60_000 })
  const line = booted.stdout.trim().split('\n').at(-1)?.trim() ?? ''
  const printed = `the boot ended with ${booted.exitCode}\n${booted.stdout}\n${booted.stderr}`
  return { line, isGood: booted.exitCode === bootedExitCode, printed }
}

/**
 * Boots a qcow2 image.
 * @returns the last line it sent to the serial port
 * @throws Error with all that it printed, unless it ended as a good boot does
 */
export const boot = async (path: string): Promise<string> => {
  const { line, isGood, printed } = await tryBoot(path, 'qcow2')
  if (!isGood) throw new Error(printed)
  return line
}
