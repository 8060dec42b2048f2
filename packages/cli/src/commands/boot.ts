import type { Image, Link } from '@vitrine/sdk'
import { CommandError, ToldError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import { foreignFilesHeadBytes, foreignFilesOf, mayNameFiles } from '../foreign-files.ts'
import { imageLabel } from '../image-label.ts'
import { runQemu } from '../qemu.ts'
import { printable } from '../text.ts'

export interface BootOptions {
  memory: number
  cpus: number
  display?: boolean
  qemu?: string
}

/** By the names that images have for them. */
const emulators: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'qemu-system-x86_64'],
  ['amd64', 'qemu-system-x86_64'],
  ['i686', 'qemu-system-i386'],
  ['aarch64', 'qemu-system-aarch64'],
  ['arm64', 'qemu-system-aarch64'],
  ['ppc64le', 'qemu-system-ppc64'],
  ['s390x', 'qemu-system-s390x'],
  ['riscv64', 'qemu-system-riscv64'],
])

/** What QEMU calls the formats that it boots from. */
const drivers: ReadonlyMap<string, string> = new Map([
  ['raw', 'raw'],
  ['qcow2', 'qcow2'],
  ['vmdk', 'vmdk'],
  ['vdi', 'vdi'],
  ['vhdx', 'vhdx'],
  ['vhd', 'vpc'],
  ['iso', 'raw'],
])

const emulatorOf = (image: Image): string => {
  const architecture = image.get('architecture') ?? image.get('hw_architecture')
  const name = typeof architecture === 'string' ? architecture : 'x86_64'
  const emulator = emulators.get(name)
  if (emulator !== undefined) return emulator
  throw new CommandError(
    ExitCode.error,
    `The image is for the architecture ${printable(name)}.`,
    'Name a QEMU for it: --qemu PROGRAM',
  )
}

const driverOf = ({ diskFormat }: Image): string => {
  const driver = drivers.get(diskFormat ?? '')
  if (driver !== undefined) return driver
  const format = printable(diskFormat ?? 'not said')
  throw new CommandError(ExitCode.error, `QEMU does not boot an image whose disk format is ${format}.`)
}

const addressOf = ({ url = '' }: Link): URL => {
  const address = URL.parse(url)
  if (address?.protocol === 'http:' || address?.protocol === 'https:') return address
  throw new CommandError(ExitCode.error, 'The service made a link that is no address of HTTP.')
}

/** A service need not look at what is uploaded, and QEMU opens the files that an image names. */
const refuseForeignFiles = async (image: Image, driver: string, signal: AbortSignal): Promise<void> => {
  const download = await image.downloadData({ range: { start: 0, end: foreignFilesHeadBytes - 1 }, signal })
  const named = foreignFilesOf(driver, await download.bytes())
  if (named === undefined) return
  throw new CommandError(
    ExitCode.error,
    `The image is not whole: it names ${named}, and QEMU would open that on this machine.`,
    'Ask its producer for one that stands alone: qemu-img convert -O qcow2 OLD NEW',
  )
}

const argumentsFor = ({ memory, cpus, display }: BootOptions): string[] => [
  ...['-accel', 'kvm', '-accel', 'tcg'],
  ...['-m', String(memory), '-smp', String(cpus)],
  ...(display === true ? [] : ['-nographic']),
]

const renewAtLeastMs = 1000

/** Keeps a link alive for as long as the machine runs. */
const keepAlive = (link: Link): NodeJS.Timeout => {
  // A machine that reads nothing for a while need not end because of one renewal that failed; the next may not.
  const halfMs = (link.expiresAt.getTime() - link.createdAt.getTime()) / 2
  const timer = setInterval(() => void link.renew().catch(() => undefined), Math.max(renewAtLeastMs, halfMs))
  timer.unref()
  return timer
}

const endTimeoutMs = 10_000

/** Boots an image over a link that ends with the machine. It ends as QEMU does. */
export const bootImage = async (
  invocation: Invocation,
  reference: string,
  more: readonly string[],
  options: BootOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const driver = driverOf(image)
  const program = options.qemu ?? emulatorOf(image)
  const link = await needsVitrine(
    invocation,
    service,
    'Booting from an image service is',
    image.createLink({}, { signal }),
  )
  const renewing = keepAlive(link)
  try {
    if (mayNameFiles(driver)) await refuseForeignFiles(image, driver, signal)
    const leave = options.display === true ? '' : ' Ctrl-A X ends it.'
    await say(invocation, `Booting ${imageLabel(image)} in ${program}; nothing is written to the image.${leave}`)
    const drive = { driver, isDisc: image.diskFormat === 'iso', url: addressOf(link) }
    const { exitCode, killedBy } = await runQemu(program, [...argumentsFor(options), ...more], drive, signal)
    signal.throwIfAborted()
    if (exitCode === 0) return
    await say(invocation, killedBy === undefined ? `QEMU ended with ${exitCode}.` : `QEMU was ended by ${killedBy}.`)
    throw new ToldError(exitCode)
  } finally {
    clearInterval(renewing)
    await link.delete({ signal: AbortSignal.timeout(endTimeoutMs) }).catch(() => undefined)
  }
}
