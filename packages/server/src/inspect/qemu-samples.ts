/** For tests: images made by the real qemu-img, of every format that it writes, with the options that matter here. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DiskFormat } from '@vitrine/contract'

const mib = 2 ** 20

export interface QemuSample {
  readonly title: string
  readonly diskFormat: DiskFormat
  /** What `qemu-img create` is given; `DIR` stands for a folder with `base.raw`, `base.vmdk` and `base.qcow2`. */
  readonly create: readonly string[]
  /** Further runs of qemu-img on the image `DIR/disk`. */
  readonly further?: ReadonlyArray<readonly string[]>
  /** Why it must be refused; sound otherwise. */
  readonly why?: RegExp
}

const of =
  (diskFormat: DiskFormat, qemuFormat: string) =>
  (title: string, options = '', why?: RegExp): QemuSample => ({
    title: `${diskFormat}, ${title}`,
    diskFormat,
    create: ['-f', qemuFormat, ...(options === '' ? [] : ['-o', options])],
    ...(why === undefined ? {} : { why }),
  })

const qcow2 = of('qcow2', 'qcow2')
const vmdk = of('vmdk', 'vmdk')
const vhd = of('vhd', 'vpc')
const vhdx = of('vhdx', 'vhdx')
const vdi = of('vdi', 'vdi')
const ploop = of('ploop', 'parallels')

/** Fills the image with something. */
const filled = (sample: QemuSample, output: string, ...options: readonly string[]): QemuSample => ({
  ...sample,
  title: `${sample.title}, with data`,
  further: [['convert', '-O', output, ...options, 'DIR/data.raw', 'DIR/disk']],
})

const withSecret = (sample: QemuSample): QemuSample => ({
  ...sample,
  create: ['--object', 'secret,id=s,data=passphrase', ...sample.create],
})

export const qemuSamples: readonly QemuSample[] = [
  qcow2('as it is by default'),
  qcow2('old', 'compat=0.10'),
  qcow2('extended L2 and zstd', 'extended_l2=on,compression_type=zstd'),
  qcow2('smallest clusters', 'cluster_size=512'),
  qcow2('largest clusters', 'cluster_size=2M'),
  qcow2('lazy and small counts', 'lazy_refcounts=on,refcount_bits=1'),
  qcow2('preallocated', 'preallocation=metadata'),
  withSecret(qcow2('LUKS inside', 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10')),
  { ...qcow2('with a snapshot'), further: [['snapshot', '-c', 'one', 'DIR/disk']] },
  { ...qcow2('with a bitmap'), further: [['bitmap', '--add', 'DIR/disk', 'one']] },
  { ...qcow2('resized'), further: [['resize', '-q', '-f', 'qcow2', 'DIR/disk', '+0']] },
  filled(qcow2('compressed'), 'qcow2', '-c'),
  qcow2('external data file', 'data_file=DIR/data.out', /external data file/),
  qcow2('raw external data file', 'data_file=DIR/data.out,data_file_raw=on', /external data file/),
  { ...qcow2('backing file', '', /backing file/), create: ['-f', 'qcow2', '-b', 'DIR/base.raw', '-F', 'raw'] },
  {
    ...qcow2('old, backing file', 'compat=0.10', /backing file/),
    create: ['-f', 'qcow2', '-b', 'DIR/base.qcow2', '-F', 'qcow2'],
  },
  {
    ...qcow2('backing file in JSON', '', /backing file/),
    create: [
      '-u',
      '-f',
      'qcow2',
      '-b',
      'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}}',
      '-F',
      'raw',
    ],
  },
  {
    ...qcow2('rebased onto a file of the host', '', /backing file/),
    further: [['rebase', '-q', '-u', '-b', '/etc/passwd', '-F', 'raw', 'DIR/disk']],
  },
  vmdk('monolithicSparse'),
  vmdk('streamOptimized', 'subformat=streamOptimized'),
  vmdk('for an old adapter', 'adapter_type=lsilogic,hwversion=13'),
  vmdk('with zeroed grains', 'zeroed_grain=on'),
  filled(vmdk('streamOptimized'), 'vmdk', '-o', 'subformat=streamOptimized'),
  vmdk('monolithicFlat', 'subformat=monolithicFlat', /descriptor without a disk/),
  vmdk('twoGbMaxExtentSparse', 'subformat=twoGbMaxExtentSparse', /descriptor without a disk/),
  vmdk('twoGbMaxExtentFlat', 'subformat=twoGbMaxExtentFlat', /descriptor without a disk/),
  { ...vmdk('backing file', '', /parent/), create: ['-f', 'vmdk', '-b', 'DIR/base.vmdk', '-F', 'vmdk'] },
  vhd('dynamic', 'force_size=on'),
  vhd('fixed', 'subformat=fixed,force_size=on'),
  filled(vhd('dynamic'), 'vpc', '-o', 'force_size=on'),
  vhdx('dynamic'),
  vhdx('fixed', 'subformat=fixed'),
  vhdx('small blocks', 'block_size=1M,log_size=2M'),
  filled(vhdx('dynamic'), 'vhdx'),
  vdi('dynamic'),
  vdi('static', 'static=on'),
  filled(vdi('dynamic'), 'vdi'),
  ploop('as it is by default'),
  filled(ploop('as it is by default'), 'parallels'),
  { ...qcow2('in truth qed', '', /look like qed/), create: ['-f', 'qed'] },
  { ...qcow2('in truth qcow', '', /look like qcow/), create: ['-f', 'qcow'] },
  withSecret({
    ...qcow2('in truth LUKS', '', /raw encrypted disk/),
    create: ['-f', 'luks', '-o', 'key-secret=s,iter-time=10'],
  }),
]

/** How large the disks are. */
export const qemuSampleBytes = 8 * mib

/** Why qemu-img cannot be used; false when it can. */
export const noQemuImg: string | false =
  spawnSync('qemu-img', ['--version']).status === 0 ? false : 'qemu-img is not installed (Debian: qemu-utils)'

export interface QemuImg {
  make(sample: QemuSample): Buffer
  run(...args: readonly string[]): string
  readonly folder: string
  close(): void
}

export const openQemuImg = (): QemuImg => {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-img-'))
  const path = join(folder, 'disk')
  const run = (...args: readonly string[]): string => {
    const words = args.map((arg) => arg.replaceAll('DIR', folder))
    for (let attempt = 1; ; attempt++) {
      const { status, stdout, stderr } = spawnSync('qemu-img', words, { encoding: 'utf8' })
      if (status === 0) return stdout
      // On a busy machine it may not find out how long a passphrase takes.
      if (attempt === 20 || !stderr.includes('accurate CPU usage')) throw new Error(stderr)
    }
  }
  writeFileSync(join(folder, 'base.raw'), Buffer.alloc(qemuSampleBytes))
  const data = Buffer.alloc(qemuSampleBytes)
  for (let at = 0; at < 3 * mib; at += 512) data.writeUInt32BE(at, at)
  writeFileSync(join(folder, 'data.raw'), data)
  for (const format of ['vmdk', 'qcow2']) run('create', '-q', '-f', format, `DIR/base.${format}`, '8M')
  return {
    folder,
    run,
    make: ({ create, further = [] }) => {
      rmSync(path, { force: true })
      run('create', '-q', ...create, path, '8M')
      for (const args of further) run(...args)
      return readFileSync(path)
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
