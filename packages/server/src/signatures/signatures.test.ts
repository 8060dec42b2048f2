import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, mock, it as test } from 'node:test'
import { inspect } from 'node:util'
import { ended, importsFromHere, newImage, octets, producer, show, startWeb } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { certificateFolder } from './certificates.ts'

const bytes = randomBytes(300_000)
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
/** Certificates are made by another program than the one that reads them. */
const it = (name: string, run: () => Promise<void>) =>
  test(name, { skip: hasOpenssl ? false : 'openssl is not installed here' }, run)
const folder = await mkdtemp(join(tmpdir(), 'vitrine-signatures-'))
const certificates = join(folder, 'certificates')

const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })

const uuid = (digit: number | string): string => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`
const ids = {
  rsa: uuid(1),
  ec: uuid(2),
  dsa: uuid(3),
  expired: uuid(4),
  weak: uuid(5),
  garbage: uuid(6),
  missing: uuid(7),
}

const certify = (name: string, id: string, ...more: string[]): void => {
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    `${name}.key`,
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
    '-out',
    join(certificates, `${id}.pem`),
    ...more,
  )
}

const sign = (name: string, digest: string, ...more: string[]): string =>
  openssl('dgst', `-${digest}`, '-sign', `${name}.key`, ...more, 'disk').toString('base64')

const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-2']

before(async () => {
  if (!hasOpenssl) return
  await mkdir(certificates)
  await writeFile(join(folder, 'disk'), bytes)
  openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'rsa.key')
  openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024', '-out', 'weak.key')
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp384r1', '-out', 'ec.key')
  openssl('genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt', 'dsa_paramgen_bits:2048', '-out', 'dsa.parameters')
  openssl('genpkey', '-paramfile', 'dsa.parameters', '-out', 'dsa.key')
  for (const name of ['rsa', 'ec', 'dsa', 'weak'] as const) certify(name, ids[name])
  certify('rsa', ids.expired)
  await writeFile(join(certificates, `${ids.garbage}.pem`), 'no certificate')
})
after(() => rm(folder, { recursive: true, force: true }))

const properties = (signature: string, digest: string, keyType: string, id: string) => ({
  img_signature: signature,
  img_signature_hash_method: digest,
  img_signature_key_type: keyType,
  img_signature_certificate_uuid: id,
})

eachDatabase('signed images', ({ newUrl, atEnd }) => {
  const start = async (
    settings: Parameters<typeof startTestService>[0] = {},
    now?: () => number,
  ): Promise<TestService> => {
    const service = await startTestService(
      { ...importsFromHere, certificates, ...settings, database_url: await newUrl() },
      now,
    )
    atEnd(service.close)
    return service
  }
  const put = ({ call }: TestService, id: string, body = bytes) =>
    call('PUT', `/v2/images/${id}/file`, producer, body, octets)
  const left = async ({ service }: TestService) =>
    (await service.database.read.selectFrom('blobs').select('state').execute()).filter(
      ({ state }) => state === 'stored',
    ).length

  it('are active when the signature is one of their bytes, for every kind of key', async () => {
    const service = await start()
    const digests = { 'SHA-224': 'sha224', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }
    for (const [method, digest] of Object.entries(digests)) {
      const signed = properties(sign('rsa', digest, ...pss), method, 'RSA-PSS', ids.rsa)
      const image = await newImage(service, signed)
      assert.equal((await put(service, image)).statusCode, 204, method)
      const { events } = (await service.call('GET', `/v2/images/${image}/events`, producer)).json()
      const upload = events.find(({ type }: { type: string }) => type === 'image.upload')
      assert.equal(upload.detail.signed_by, ids.rsa)
    }
    for (const [name, keyType] of [
      ['ec', 'ECC_SECP384R1'],
      ['dsa', 'DSA'],
    ] as const) {
      const image = await newImage(
        service,
        properties(sign(name, 'sha256'), 'SHA-256', keyType, ids[name].toUpperCase()),
      )
      assert.equal((await put(service, image)).statusCode, 204, name)
    }
  })

  it('are refused, and queued again, when it is not', async () => {
    const service = await start()
    const good = sign('rsa', 'sha256', ...pss)
    for (const [what, given, why] of [
      ['of other bytes', properties(good, 'SHA-256', 'RSA-PSS', ids.rsa), /not one of these bytes/],
      ['by another digest', properties(good, 'SHA-512', 'RSA-PSS', ids.rsa), /not one of these bytes/],
      ['by another key', properties(good, 'SHA-256', 'RSA-PSS', ids.ec), /another type of key/],
      ['on another curve', properties(sign('ec', 'sha256'), 'SHA-256', 'ECC_SECP521R1', ids.ec), /another type of key/],
      ['of nobody', properties(good, 'SHA-256', 'RSA-PSS', ids.missing), /no certificate/],
      ['of no certificate', properties(good, 'SHA-256', 'RSA-PSS', ids.garbage), /is no certificate/],
      ['of a short key', properties(good, 'SHA-256', 'RSA-PSS', ids.weak), /2048/],
      ['of no form', properties('not base64!', 'SHA-256', 'RSA-PSS', ids.rsa), /base64/],
      ['of noise', properties(randomBytes(256).toString('base64'), 'SHA-256', 'RSA-PSS', ids.rsa), /not one of/],
      ['too long', properties(randomBytes(9000).toString('base64'), 'SHA-256', 'RSA-PSS', ids.rsa), /4096/],
      ['of an unknown kind', properties(good, 'SHA-256', 'RSA', ids.rsa), /must be one of/],
      ['in half', { img_signature: good, img_signature_hash_method: 'SHA-256' }, /no img_signature_key_type and no/],
    ] as const) {
      const image = await newImage(service, given)
      const answer = await put(service, image, what === 'of other bytes' ? randomBytes(1000) : bytes)
      assert.equal(answer.statusCode, 400, what)
      assert.match(answer.json().error.message, why, what)
      assert.equal((await show(service, image)).status, 'queued', what)
    }
    assert.equal(await left(service), 0)
    assert.equal(
      (await put(service, await newImage(service, { img_signature_certificate_uuid: ids.rsa }))).statusCode,
      204,
    )
  })

  it('CVE-2015-8234: are never believed by MD5 or SHA-1', async () => {
    const service = await start()
    for (const [method, digest] of [
      ['MD5', 'md5'],
      ['SHA-1', 'sha1'],
    ] as const) {
      const image = await newImage(service, properties(sign('rsa', digest, ...pss), method, 'RSA-PSS', ids.rsa))
      assert.match((await put(service, image)).json().error.message, /must be one of SHA-224/)
    }
  })

  it('OSSA-2011-001: name certificates by UUID alone, never by a path', async () => {
    const service = await start()
    await writeFile(join(folder, 'outside.pem'), await readFile(join(certificates, `${ids.rsa}.pem`)))
    const good = sign('rsa', 'sha256', ...pss)
    for (const id of ['../outside', `../certificates/${ids.rsa}`, `${ids.rsa}\u0001`, '/etc/passwd', `${ids.rsa}/..`]) {
      const image = await newImage(service, properties(good, 'SHA-256', 'RSA-PSS', id))
      assert.match((await put(service, image)).json().error.message, /must be a UUID/)
      assert.equal(await certificateFolder(certificates)(id, null), undefined)
    }
  })

  it('OSSA-2011-001: are refused when the certificate cannot be read or lies elsewhere, and no path is told', async () => {
    const service = await start()
    const logged = mock.method(service.service.log, 'error')
    const pem = await readFile(join(certificates, `${ids.rsa}.pem`))
    const at = (letter: string) => join(certificates, `${uuid(letter)}.pem`)
    await mkdir(at('a'), { recursive: true })
    await rm(at('b'), { force: true })
    await symlink('nowhere', at('b'))
    await writeFile(at('c'), Buffer.alloc(100_000_000))
    await writeFile(join(folder, 'elsewhere'), pem)
    await rm(at('d'), { force: true })
    await symlink('../elsewhere', at('d'))
    await rm(at('e'), { force: true })
    execFileSync('mkfifo', [at('e')])
    await writeFile(at('f'), pem)
    await chmod(at('f'), 0)
    const signature = sign('rsa', 'sha256', ...pss)
    // Root reads everything.
    const letters = process.getuid?.() === 0 ? 'abcde' : 'abcdef'
    for (const [index, letter] of [...letters].entries()) {
      const image = await newImage(service, properties(signature, 'SHA-256', 'RSA-PSS', uuid(letter)))
      const answer = await put(service, image)
      assert.equal(answer.statusCode, 503, letter)
      assert.match(answer.json().error.message, /cannot read/)
      assert.ok(!answer.body.includes(folder) && !answer.body.includes('.pem'))
      assert.equal((await show(service, image)).status, 'queued')
      assert.equal(logged.mock.callCount(), index + 1)
      assert.match(inspect(logged.mock.calls.at(-1)?.arguments[0]), new RegExp(`${uuid(letter)}.pem cannot be read`))
    }
    assert.equal(await left(service), 0)
  })

  it('are refused by a certificate with a key of no known kind, or with dates that are none', async () => {
    const service = await start()
    const der = openssl('x509', '-in', join(certificates, `${ids.rsa}.pem`), '-outform', 'der')
    const unknownKey = Buffer.from(der)
    unknownKey[unknownKey.indexOf(Buffer.from('2a864886f70d010101', 'hex')) + 8] = 0x63
    const noDate = Buffer.from(der)
    noDate.write('999999999999Z', noDate.indexOf(Buffer.from('170d', 'hex')) + 2, 'latin1')
    for (const [digit, bytesOfIt, why] of [
      [8, unknownKey, /cannot be read/],
      [9, noDate, /does not say when it is valid/],
    ] as const) {
      const id = `${uuid(digit).slice(0, -1)}1`
      await writeFile(join(certificates, `${id}.der`), bytesOfIt)
      const signed = properties(sign('rsa', 'sha256', ...pss), 'SHA-256', 'RSA-PSS', id)
      const answer = await put(service, await newImage(service, signed))
      assert.equal(answer.statusCode, 400, String(why))
      assert.match(answer.json().error.message, why)
    }
  })

  it('are believed by a certificate behind links that stay within the folder', async () => {
    const service = await start()
    const folderOfKubernetes = join(certificates, '..2026')
    await mkdir(folderOfKubernetes, { recursive: true })
    const linked = `${uuid(8)}.pem`
    await writeFile(join(folderOfKubernetes, linked), await readFile(join(certificates, `${ids.rsa}.pem`)))
    await rm(join(certificates, linked), { force: true })
    await symlink(join('..2026', linked), join(certificates, linked))
    const signed = properties(sign('rsa', 'sha256', ...pss), 'SHA-256', 'RSA-PSS', uuid(8))
    assert.equal((await put(service, await newImage(service, signed))).statusCode, 204)
  })

  it('are believed with a salt of any length, as by Nova and Glance', async () => {
    const service = await start()
    for (const length of ['0', '-1', '-2']) {
      const salted = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', `rsa_pss_saltlen:${length}`]
      const signed = properties(sign('rsa', 'sha256', ...salted), 'SHA-256', 'RSA-PSS', ids.rsa)
      assert.equal((await put(service, await newImage(service, signed))).statusCode, 204, length)
    }
    const older = properties(sign('rsa', 'sha256'), 'SHA-256', 'RSA-PSS', ids.rsa)
    assert.equal((await put(service, await newImage(service, older))).statusCode, 400, 'PKCS #1 v1.5')
  })

  it('are believed only while the certificate is valid', async () => {
    const day = 24 * 60 * 60 * 1000
    const signed = properties(sign('rsa', 'sha256', ...pss), 'SHA-256', 'RSA-PSS', ids.expired)
    for (const [offset, why] of [
      [3 * day, /expired/],
      [-day, /not valid yet/],
    ] as const) {
      const service = await start({}, () => Date.now() + offset)
      assert.match((await put(service, await newImage(service, signed))).json().error.message, why)
    }
  })

  it('are held to it by every way in, and what is copied says nothing of it', async () => {
    const service = await start()
    const web = await startWeb((_request, response) => response.end(bytes))
    atEnd(web.close)
    const signed = properties(sign('rsa', 'sha256', ...pss), 'SHA-256', 'RSA-PSS', ids.rsa)
    const broken = { ...signed, img_signature: sign('rsa', 'sha512', ...pss) }
    const download = { method: { name: 'web-download', uri: web.url } }
    for (const [given, status] of [
      [signed, 'active'],
      [broken, 'queued'],
    ] as const) {
      const fetched = await newImage(service, given)
      assert.equal((await service.call('POST', `/v2/images/${fetched}/import`, producer, download)).statusCode, 202)
      await ended(service, fetched)
      assert.equal((await show(service, fetched)).status, status)
    }
    const stage = (id: string) => service.call('PUT', `/v2/images/${id}/stage`, producer, bytes, octets)
    const direct = (id: string) =>
      service.call('POST', `/v2/images/${id}/import`, producer, { method: { name: 'glance-direct' } })
    assert.equal((await stage(await newImage(service, broken))).statusCode, 400)
    const staged = await newImage(service, signed)
    assert.equal((await stage(staged)).statusCode, 204)
    const change = [{ op: 'replace', path: '/img_signature', value: 'AAAA' }]
    const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    assert.equal((await service.call('PATCH', `/v2/images/${staged}`, producer, change, type)).statusCode, 200)
    await direct(staged)
    assert.match((await ended(service, staged)).message, /changed after/)
    assert.equal((await show(service, staged)).status, 'queued')
    const again = await newImage(service, signed)
    await stage(again)
    await direct(again)
    await ended(service, again)
    assert.equal((await show(service, again)).status, 'active')
    const copy = (await service.call('POST', `/v2/images/${again}/copies`, producer)).json()
    assert.equal(copy.img_signature, undefined)
  })
})
