import { existsSync } from 'node:fs'
import { access, constants, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runSuccessfully, searchPath } from './process.ts'

/** Commands that the tests call, and the Debian package of each. */
const packageOf = {
  openstack: 'python3-openstackclient',
  glance: 'python3-glanceclient',
  'qemu-img': 'qemu-utils',
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-block-curl': 'qemu-block-extra',
  xfs_io: 'xfsprogs',
  'mkfs.ext4': 'e2fsprogs',
  openssl: 'openssl',
  chromium: 'chromium',
  'keystone-manage': 'keystone',
  'barbican-manage': 'barbican-api',
  uwsgi_python3: 'uwsgi-plugin-python3',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  radosgw: 'radosgw',
  'radosgw-admin': 'ceph-common',
} as const
export type Command = keyof typeof packageOf

// What a daemon's package asks before it starts the daemon; 101 forbids it. Nothing installed here shall run by itself.
const policyPath = '/usr/sbin/policy-rc.d'

/** No command, but the part of QEMU that reads disks over HTTP. */
const curlDriver = '/usr/lib/x86_64-linux-gnu/qemu/block-curl.so'

const isThere = async (command: Command): Promise<boolean> => {
  if (command === 'qemu-block-curl') return existsSync(curlDriver)
  const found = await Promise.all(
    searchPath(process.env).map((folder) =>
      access(join(folder, command), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}

const missing = async (commands: readonly Command[]): Promise<Command[]> => {
  const found = await Promise.all(commands.map(isThere))
  return commands.filter((_, index) => found[index] === false)
}

const canInstall = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')

const install = async (packages: readonly string[]): Promise<void> => {
  if (!existsSync(policyPath)) await writeFile(policyPath, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  // Test files that run at the same time wait for each other here.
  const apt = (...args: string[]) =>
    runSuccessfully('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', ...args], {
      environment: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 900_000,
    })
  await apt('update')
  await apt('install', '--no-install-recommends', ...packages)
}

/** What `skip` of a test takes: a reason, or false to run it. */
export type Skip = string | false

/** Whether the user has said that what cannot run here may be left out. */
export const isOptional = (): boolean => process.env.VITRINE_ACCEPTANCE === 'optional'

/**
 * Sees to it that commands are there, by apt where that is possible.
 * @returns the reason to skip what needs them; only where `VITRINE_ACCEPTANCE=optional` allows to skip
 * @throws Error when one is missing otherwise: a client that was not tried must not look like one that works
 */
export const needCommands = async (...commands: Command[]): Promise<Skip> => {
  const absent = await missing(commands)
  if (absent.length === 0) return false
  const packages = [...new Set(absent.map((command) => packageOf[command]))]
  const what = `${absent.join(', ')} not found (Debian: apt-get install ${packages.join(' ')})`
  if (isOptional()) return what
  if (!canInstall()) throw new Error(`${what}. VITRINE_ACCEPTANCE=optional leaves out what needs it.`)
  await install(packages)
  const still = await missing(absent)
  if (still.length > 0) throw new Error(`apt-get installed ${packages.join(' ')}, but ${still.join(', ')} is missing`)
  return false
}
