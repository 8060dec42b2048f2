import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KeyFinding, noKey } from '../keys/states.ts'
import { type BootFacts, inShort, judgeBoot } from './boot-rules.ts'

const gib = 1024 ** 3
const at = Date.UTC(2026, 0, 31, 12)

const image: BootFacts['image'] = {
  id: 'IMAGE',
  owner: 'producer',
  visibility: 'shared',
  status: 'active',
  disk_format: 'qcow2',
  container_format: 'bare',
  min_disk: 0,
  min_ram: 0,
  size_bytes: gib,
  virtual_size_bytes: 10 * gib,
  encryption: null,
  key_id: null,
  encrypted_content: null,
}
const share = { created_at: at - 1000, ends_at: null, withdrawn: 0 } as const
const good: BootFacts = {
  image,
  project: 'consumer',
  relation: 'member',
  share,
  now: at,
  key: noKey,
  server: {},
  ifShared: undefined,
  storage: null,
}
const alone: Partial<BootFacts> = { relation: 'none', share: undefined }
const sealed = { ...image, encryption: 'sealed', key_id: 'KEY' } as const
const under = (state: KeyFinding['state'], trouble: KeyFinding['trouble']): Partial<BootFacts> => ({
  image: sealed,
  key: { state, trouble },
})
const of = (changes: Partial<BootFacts['image']>): Partial<BootFacts> => ({ image: { ...image, ...changes } })
const free = { members: { used: 3, limit: 128 }, endsAt: null }

/** What it takes to boot: the facts that differ from good ones; whether it boots; what is said, and what to do about it. */
const cases: readonly (readonly [title: string, Partial<BootFacts>, boolean, string, ...RegExp[]])[] = [
  [
    'a share',
    {},
    true,
    'allows membership',
    /^The image is shared with project consumer since 2026-01-31T11:59:59Z\. $/,
  ],
  ['a share that ends', { share: { ...share, ends_at: at + 1 } }, true, 'informs end', /by itself/],
  [
    'a share under a withdrawal',
    { share: { ...share, ends_at: at + 1, withdrawn: 1 } },
    true,
    'informs end',
    /announced/,
  ],
  ['the owner', { relation: 'owner', share: undefined }, true, 'allows visibility', /owns/],
  ['a public image', { relation: 'public', ...of({ visibility: 'public' }) }, true, 'allows visibility', /public/],
  ['no owner', { relation: 'public', ...of({ owner: null }) }, true, 'allows visibility', /no owner/],
  ['no share', alone, false, 'denies membership', /not one of its members/, / vitrine share IMAGE consumer$/],
  [
    'a share that is over',
    { relation: 'none', share: { ...share, ends_at: at } },
    false,
    'denies end',
    /ended at 2026-01-31T12:00:00Z/,
    / vitrine share IMAGE consumer$/,
  ],
  [
    'a private image',
    { ...alone, ...of({ visibility: 'private' }) },
    false,
    'denies visibility',
    /private/,
    / vitrine image set IMAGE --visibility shared$/,
  ],
  ['a share that could be', { ...alone, ifShared: free }, true, 'informs membership', /as if/],
  [
    'a private image, were it shared',
    { ...alone, ifShared: free, ...of({ visibility: 'private' }) },
    false,
    'denies visibility',
    /private/,
  ],
  [
    'too many members',
    { ...alone, ifShared: { ...free, members: { used: 3, limit: 3 } } },
    false,
    'denies quota',
    /shared with 3 projects, and may be with 3\./,
  ],
  ['no limit of members', { ...alone, ifShared: { ...free, members: null } }, true, 'informs membership', /as if/],
  [
    'a withdrawal that is due',
    { ...alone, ifShared: { ...free, endsAt: at } },
    false,
    'denies end',
    /withdrawn at 2026-01-31T12:00:00Z/,
  ],
  ['a withdrawal ahead', { ...alone, ifShared: { ...free, endsAt: at + 1 } }, true, 'informs end', /would end/],
  [
    'no bytes',
    of({ status: 'queued' }),
    false,
    'denies status',
    /^The image is queued/,
    / vitrine image upload IMAGE --file FILE$/,
  ],
  ['bytes on the way', of({ status: 'saving' }), false, 'denies status', /saving/, / Wait until/],
  [
    'locked bytes',
    of({ status: 'deactivated' }),
    false,
    'denies status',
    /locked/,
    / Project producer can unlock them: vitrine image set IMAGE --active$/,
  ],
  ['a key that is granted', under('granted', null), true, 'allows key', /can use its key KEY/],
  [
    'a key that is not granted',
    under('missing', 'not_granted'),
    false,
    'denies key',
    /project consumer may not use its key KEY, which belongs to project producer\./,
    / Project producer can let it: vitrine key grant KEY consumer$/,
  ],
  [
    'a key that is not granted, before sharing',
    { ...alone, ...under('missing', 'not_granted'), ifShared: free },
    false,
    'denies key',
    / vitrine share IMAGE consumer --grant$/,
  ],
  ['a key that was revoked', under('revoked', 'not_granted'), false, 'denies key', /any more/],
  [
    'a key that nobody else gets',
    under('missing', 'never_granted'),
    false,
    'denies key',
    /never/,
    /image copy IMAGE --key KEY/,
  ],
  ['a key that nobody is asked about', under('not_needed', null), true, 'informs key', /asks nobody/],
  ['a disabled key', under('revoked', 'disabled'), false, 'denies key', /disabled/, / vitrine key enable KEY$/],
  ['a key that is none', under('missing', 'unknown_key'), false, 'denies key', /knows no key KEY/],
  [
    'a key with an impossible name',
    { ...under('missing', 'unknown_key'), image: { ...sealed, key_id: '; rm -rf /' } },
    false,
    'denies key',
    /knows no key of its owner/,
  ],
  ['a damaged key', under('missing', 'damaged'), false, 'denies key', /damaged/, /operator/],
  ['a key manager that is away', under('unknown', 'no_answer'), false, 'denies key', /does not answer/, / Try again/],
  ['no key manager', under('unknown', 'no_manager'), false, 'denies key', /no key manager/],
  ['an unset disk format', of({ disk_format: null }), false, 'denies format', /does not say its disk format/, /Upload/],
  ['an unset container format', of({ container_format: null }), false, 'denies format', /its container format/],
  ['a container image', of({ container_format: 'docker' }), false, 'denies format', /no disk/],
  ['a compressed disk', of({ container_format: 'compressed' }), false, 'denies format', /compressed/],
  ['a kernel', of({ disk_format: 'aki', container_format: 'aki' }), false, 'denies format', /kernel/],
  ['a ramdisk in a bare container', of({ disk_format: 'ari' }), false, 'denies format', /no disk/],
  ['an archive', of({ container_format: 'ova', disk_format: 'vmdk' }), true, 'informs format', /archive/],
  ['a CD', of({ disk_format: 'iso' }), true, 'informs format', /CD/],
  ['a raw disk', of({ disk_format: 'raw' }), true, 'allows format', /raw/],
  ['a disk of another hypervisor', of({ disk_format: 'vhdx' }), true, 'informs format', /vhdx/],
  ['a least disk', of({ min_disk: 20 }), true, 'informs min_disk', /20 GiB or more/],
  [
    'a disk below the least',
    { ...of({ min_disk: 20 }), server: { diskGib: 19 } },
    false,
    'denies min_disk',
    /20 GiB or more, and this one has 19 GiB/,
  ],
  ['the least disk', { ...of({ min_disk: 20 }), server: { diskGib: 20 } }, true, 'allows min_disk', /large enough/],
  ['a disk as large as inside', { server: { diskGib: 10 } }, true, 'allows min_disk', /large enough/],
  ['a disk below the virtual size', { server: { diskGib: 9 } }, false, 'denies min_disk', /takes 10 GiB/],
  [
    'a disk one byte too small',
    { ...of({ virtual_size_bytes: 10 * gib + 1 }), server: { diskGib: 10 } },
    false,
    'denies min_disk',
    /takes 10\.01 GiB/,
  ],
  [
    'a disk below the size',
    { ...of({ virtual_size_bytes: null, size_bytes: 2 * gib }), server: { diskGib: 1 } },
    false,
    'denies min_disk',
    /takes 2 GiB/,
  ],
  ['a disk of its own size', { ...of({ min_disk: 20 }), server: { diskGib: 0 } }, true, 'informs min_disk', /20 GiB/],
  ['a least memory', of({ min_ram: 512 }), true, 'informs min_ram', /512 MiB/],
  [
    'too little memory',
    { ...of({ min_ram: 512 }), server: { ramMib: 511 } },
    false,
    'denies min_ram',
    /512 MiB of memory or more, and this server has 511 MiB/,
  ],
  ['enough memory', { ...of({ min_ram: 512 }), server: { ramMib: 512 } }, true, 'allows min_ram', /enough/],
  ['no room for a copy', { storage: { used: 10, limit: gib + 9 } }, true, 'informs quota', /would not fit/],
  ['LUKS', of({ encrypted_content: 'luks' }), true, 'informs content', /passphrase/],
  [
    'LUKS that the key opens',
    { ...under('granted', null), image: { ...sealed, encryption: 'client', encrypted_content: 'luks' } },
    true,
    'informs content',
    /with the key/,
  ],
]

describe('whether an image boots', () => {
  for (const [title, changes, boots, said, ...patterns] of cases) {
    it(`with ${title}`, () => {
      const { can_boot, reasons } = judgeBoot({ ...good, ...changes })
      assert.equal(can_boot, boots, JSON.stringify(reasons))
      const [reason, ...others] = reasons.filter(({ effect, rule }) => `${effect} ${rule}` === said)
      assert.ok(reason !== undefined, JSON.stringify(reasons))
      const text = [reason, ...others].map(({ text, next }) => `${text} ${next ?? ''}`).join(' ')
      for (const pattern of patterns) assert.match(text, pattern)
      // Nothing else stands in the way: each row is about one thing.
      const denials = reasons.filter(({ effect }) => effect === 'denies')
      if (said.startsWith('denies') && changes.relation !== 'none')
        assert.deepEqual([...new Set(denials.map(({ rule }) => rule))], [reason.rule])
    })
  }

  it('says nothing of keys, disk, memory and room where there is nothing to say', () => {
    const rules = judgeBoot(good).reasons.map(({ rule }) => rule)
    assert.deepEqual(rules, ['membership', 'status', 'format'])
    assert.deepEqual(inShort(judgeBoot(good)), { can_boot: true, reasons: [] })
    const fits = judgeBoot({ ...good, storage: { used: 0, limit: gib } })
    assert.ok(!fits.reasons.some(({ rule }) => rule === 'quota'))
    const own = judgeBoot({ ...good, relation: 'owner', project: 'producer', storage: { used: gib, limit: gib } })
    assert.ok(!own.reasons.some(({ rule }) => rule === 'quota'))
  })

  it('names everything that stands in the way at once', () => {
    const answer = judgeBoot({
      ...good,
      ...alone,
      ...under('missing', 'not_granted'),
      image: { ...sealed, status: 'queued', disk_format: null, min_ram: 1 },
      server: { diskGib: 1, ramMib: 0 },
    })
    const denials = answer.reasons.filter(({ effect }) => effect === 'denies').map(({ rule }) => rule)
    assert.deepEqual(denials, ['membership', 'status', 'key', 'format', 'min_disk', 'min_ram'])
    assert.ok(answer.reasons.every(({ effect, next }) => effect !== 'denies' || next !== null))
    const next = (rule: string) => answer.reasons.find((reason) => reason.rule === rule)?.next ?? ''
    assert.match(next('membership'), / vitrine share IMAGE consumer --grant$/)
    assert.match(next('format'), / vitrine image set IMAGE --disk-format FORMAT$/)
  })
})
