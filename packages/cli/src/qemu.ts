import { type ChildProcess, spawn } from 'node:child_process'
import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError } from './command-error.ts'
import { ExitCode } from './exit-codes.ts'

export interface Drive {
  /** What QEMU calls the format. It would guess it from the bytes otherwise, and open whatever they name. */
  driver: string
  isDisc: boolean
  /** http or https */
  url: URL
}

/** QEMU takes JSON in single quotes; its files of settings cannot hold double ones. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '%5C').replaceAll("'", '%27')}'`

// QEMU reads its settings in lines of this length, and takes the rest of a longer one for another line.
const maxLineBytes = 1000

/**
 * Settings of QEMU for one drive. No backing file is opened, whatever the bytes name. Nothing is written to the image: what
 * the machine changes is gone at its end.
 * https://www.qemu.org/docs/master/system/qemu-block-drivers.html
 */
export const driveSettings = ({ driver, isDisc, url }: Drive): string => {
  const file = `{'driver':'${url.protocol.slice(0, -1)}','url':${quoted(url.href)}}`
  const source = `  file = "json:{'driver':'${driver}','backing':null,'file':${file}}"`
  if (source.length > maxLineBytes) {
    throw new CommandError(ExitCode.error, 'The address of the image is too long for QEMU.')
  }
  const use = isDisc ? ['media = "cdrom"', 'readonly = "on"'] : ['if = "virtio"', 'snapshot = "on"']
  return ['[drive]', source, ...use.map((line) => `  ${line}`), ''].join('\n')
}

/** A file without a name: nobody else opens it, and nothing is left of it, however this ends. */
const openNameless = async (text: string): Promise<FileHandle> => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-boot-'))
  try {
    const path = join(folder, 'drive.conf')
    await writeFile(path, text, { mode: 0o600 })
    return await open(path, 'r')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** How a program ended. */
export interface End {
  exitCode: number
  /** The signal that ended it. */
  killedBy: NodeJS.Signals | undefined
}

const endOf = (child: ChildProcess, program: string): Promise<End> =>
  new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return reject(error)
      const next = 'On Debian and Ubuntu: apt install qemu-system-x86 qemu-block-extra'
      reject(new CommandError(ExitCode.error, `There is no ${program} on this machine.`, next))
    })
    child.once('exit', (code, killed) => {
      // As shells have it.
      if (killed !== null) resolve({ exitCode: 128 + constants.signals[killed], killedBy: killed })
      else resolve({ exitCode: code ?? ExitCode.error, killedBy: undefined })
    })
  })

/** What QEMU reads its settings from: a descriptor that it inherits. */
const settingsDescriptor = 3

/**
 * Runs QEMU with a drive, on this terminal. Other users of the machine see the arguments of a program, so the address of the
 * drive is not among them.
 * @param args for QEMU, besides the drive
 */
export const runQemu = async (
  program: string,
  args: readonly string[],
  drive: Drive,
  signal: AbortSignal,
): Promise<End> => {
  const settings = await openNameless(driveSettings(drive))
  try {
    signal.throwIfAborted()
    const child = spawn(program, ['-readconfig', `/dev/fd/${settingsDescriptor}`, ...args], {
      stdio: ['inherit', 'inherit', 'inherit', settings.fd],
    })
    const end = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', end, { once: true })
    return await endOf(child, program).finally(() => signal.removeEventListener('abort', end))
  } finally {
    await settings.close()
  }
}
