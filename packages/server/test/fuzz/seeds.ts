import * as made from '../../src/inspect/handmade.ts'
import { ova, ovf, pax } from '../../src/inspect/handmade-archive.ts'
import { hostileImages, soundImages } from '../../src/inspect/samples.ts'

const vmdk = made.vmdk({ createType: 'streamOptimized', footer: 'same' })

const archives: ReadonlyArray<readonly [string, Buffer]> = [
  ['ova', ova(['disk.ovf', ovf()], ['disk.vmdk', vmdk], ['disk.iso', made.iso(20)])],
  ['ova with pax', ova(['h', pax({ path: 'disk.vmdk', size: '1024' }), { type: 'x' }], ['d', Buffer.alloc(1024)])],
  [
    'ova with a long name',
    ova(['l', Buffer.from('disk.qcow2\0'), { type: 'L' }], ['d', made.qcow2().subarray(0, 4096)]),
  ],
]

/** What every input is made of, by name. */
export const seeds: ReadonlyMap<string, Buffer> = new Map([
  ...[...soundImages, ...hostileImages].map(([title, bytes]) => [title, bytes] as const),
  ...archives,
  ['plain', made.plain(4096)],
  ['vhdx with everything', made.vhdx({ parentLocator: true, unknownRegion: true })],
])

/** Words that formats look for. */
export const dictionary: readonly string[] = [
  'QFI\xfb',
  'KDMV',
  'COWD',
  'conectix',
  'cxsparse',
  'vhdxfile',
  'head',
  'regi',
  'metadata',
  '\x7f\x10\xda\xbe',
  '\x01CD001\x01',
  '\xffCD001\x01',
  'EFI PART',
  '\x55\xaa',
  'LUKS\xba\xbe',
  'QED\0',
  'WithoutFreeSpace',
  'WithouFreSpacExt',
  'DATA',
  '\xe2\x79\x2a\xca',
  '# Disk DescriptorFile\n',
  'createType="monolithicFlat"\n',
  'RW 9 FLAT "/etc/passwd" 0\n',
  'parentFileNameHint="/etc/passwd"\n',
  'version=1\n',
  'ustar\x0000',
  '<!DOCTYPE x>',
  '<File ovf:href="../x"/>',
  '../../x',
  '20 path=../../abcde\n',
]
