import { spawn } from 'node:child_process'
import type { Image, Link } from '@vitrine/sdk'
import { CommandError, ToldError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import { printable } from '../text.ts'

export interface BootOptions {
  memory: number
  cpus: number
  display?: boolean
  qemu?: string
}

/** By the names that images have for them. */
const emulators: Readonly<Record<string, string>> = {
  x86_64: 'qemu-system-x86_64',
  amd64: 'qemu-system-x86_64',
  i686: 'qemu-system-i386',
  aarch64: 'qemu-system-aarch64',
  arm64: 'qemu-system-aarch64',
  ppc64le: 'qemu-system-ppc64',
  s390x: 'qemu-system-s390x',
  riscv64: 'qemu-system-riscv64',
}

/** What QEMU calls the formats that it boots from. */
const drivers: Readonly<Record<string, string>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhdx: 'vhdx',
  vhd: 'vpc',
  iso: 'raw',
}

const emulatorOf = (image: Image): string => {
  const architecture = image.get('architecture') ?? image.get('hw_architecture')
  const name = typeof architecture === 'string' ? architecture : 'x86_64'
  const emulator = emulators[name]
  if (emulator !== undefined) return emulator
  throw new CommandError(
    ExitCode.error,
    `The image is for the architecture ${printable(name)}.`,
    'Name a QEMU for it: --qemu PROGRAM',
  )
}

/** Commas end a value in the arguments of QEMU, unless they are doubled. */
const inArgument = (text: string): string => text.replaceAll(',', ',,')

/**
 * The format is always named: QEMU would guess it from the bytes otherwise, and open whatever they name. Nothing is written
 * to the image: what the machine changes is gone at its end.
 */
const drive = (driver: string, isDisc: boolean, url: string): string =>
  `file=${inArgument(url)},format=${driver},${isDisc ? 'media=cdrom,readonly=on' : 'if=virtio,snapshot=on'}`

const argumentsFor = (image: Image, url: string, options: BootOptions): string[] => {
  const { diskFormat } = image
  const driver = drivers[diskFormat ?? '']
  if (driver === undefined) {
    throw new CommandError(
      ExitCode.error,
      `QEMU does not boot an image whose disk format is ${diskFormat ?? 'not said'}.`,
    )
  }
  return [
    ...['-accel', 'kvm', '-accel', 'tcg'],
    ...['-m', String(options.memory), '-smp', String(options.cpus)],
    ...['-drive', drive(driver, diskFormat === 'iso', url)],
    ...(options.display === true ? [] : ['-nographic']),
  ]
}

/** How the machine ended: the exit code of QEMU. */
const run = (program: string, args: readonly string[], signal: AbortSignal | undefined): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' })
    const end = (): void => void child.kill('SIGTERM')
    signal?.addEventListener('abort', end, { once: true })
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return reject(error)
      const next = 'On Debian and Ubuntu: apt install qemu-system-x86 qemu-block-extra'
      reject(new CommandError(ExitCode.error, `There is no ${program} on this machine.`, next))
    })
    child.once('exit', (code, killed) => {
      signal?.removeEventListener('abort', end)
      resolve(code ?? (killed === null ? 1 : 128))
    })
  })

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

/** Boots an image over a link that ends with the machine. */
export const bootImage = async (
  invocation: Invocation,
  reference: string,
  more: readonly string[],
  options: BootOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const link = await needsVitrine(
    invocation,
    service,
    'Booting from an image service is',
    image.createLink({}, { signal }),
  )
  const renewing = keepAlive(link)
  try {
    const args = [...argumentsFor(image, link.url ?? '', options), ...more]
    const program = options.qemu ?? emulatorOf(image)
    const leave = options.display === true ? '' : ' Ctrl-A X ends it.'
    await say(invocation, `Booting ${imageLabel(image)} in ${program}; nothing is written to the image.${leave}`)
    const code = await run(program, args, signal)
    if (code !== 0) {
      await say(invocation, `QEMU ended with ${code}.`)
      throw new ToldError(ExitCode.error)
    }
  } finally {
    clearInterval(renewing)
    await link.delete({ signal: AbortSignal.timeout(endTimeoutMs) }).catch(() => undefined)
  }
}
