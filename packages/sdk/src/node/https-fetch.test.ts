import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { answerJson, pattern, serve, serviceAt } from '../../test/byte-server.ts'
import { imageDocument, imageId } from '../../test/fake-fetch.ts'
import { v3Token } from '../../test/identity-answers.ts'
import { ConfigurationError, ConflictError, NetworkError } from '../errors.ts'
import { fromClouds } from './clouds.ts'
import { httpsFetch } from './https-fetch.ts'

// A certificate for 127.0.0.1 that nobody trusts; its key is in the repository on purpose.
const certificate = fileURLToPath(new URL('../../test/tls/cert.pem', import.meta.url))
const tls = {
  cert: readFileSync(certificate, 'utf8'),
  key: readFileSync(new URL('../../test/tls/key.pem', import.meta.url), 'utf8'),
}

const bytes = pattern(3_000_000)

test('a certificate of nobody is refused, with the way out; named as authority it is taken', async (t) => {
  const address = await serve(t, (_, response) => answerJson(response, 200, imageDocument()), tls)
  await assert.rejects(serviceAt(address, { retry: { maxRetries: 0 } }).getImage(imageId), (error) => {
    return error instanceof NetworkError && /certificate.*NODE_EXTRA_CA_CERTS.*cacert/.test(error.message)
  })
  const image = await serviceAt(address, { fetch: httpsFetch({ ca: certificate }) }).getImage(imageId)
  assert.equal(image.id, imageId)
})

test('everything goes through it: tokens, JSON, streams both ways, refusals', async (t) => {
  let received = Buffer.alloc(0)
  let address = ''
  const listener = async (
    request: import('node:http').IncomingMessage,
    response: import('node:http').ServerResponse,
  ) => {
    const { method, url } = request
    const wire = v3Token('T')
    if (url === '/v3/auth/tokens') response.writeHead(201, wire.headers).end(JSON.stringify(wire.json))
    else if (method === 'GET' && url?.endsWith('/file'))
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
    else if (method === 'GET') answerJson(response, 200, imageDocument())
    else if (method === 'PUT' && url?.endsWith('/file')) {
      received = Buffer.concat(await request.toArray())
      response.writeHead(204).end()
    } else if (method === 'POST') {
      assert.equal(request.headers['content-length'], '0')
      response.writeHead(204).end()
    } else answerJson(response, 409, { error: { message: 'Taken.' } })
  }
  address = await serve(t, listener, tls)
  const path = mkdtempSync(join(tmpdir(), 'vitrine-tls-'))
  t.after(() => rmSync(path, { recursive: true }))
  const cloud = {
    cacert: certificate,
    image_endpoint_override: address,
    auth: { auth_url: `${address}/v3`, username: 'u', password: 'p' },
  }
  writeFileSync(join(path, 'clouds.json'), JSON.stringify({ clouds: { tls: cloud } }))
  const images = fromClouds('tls', { env: {}, searchPaths: [path] }).imageService()
  const image = await images.getImage(imageId)
  await image.uploadData(bytes)
  assert.ok(received.equals(bytes))
  await image.deactivate()
  assert.deepEqual(await (await image.downloadData()).bytes(), bytes)
  await assert.rejects(image.delete(), ConflictError)
  const endless = async function* () {
    for (;;) yield bytes
  }
  const controller = new AbortController()
  const upload = image.uploadData(endless(), { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await assert.rejects(upload, /enough/)
})

test('a certificate that cannot be read is named', () => {
  assert.throws(() => httpsFetch({ ca: '/nowhere/ca.pem' }), ConfigurationError)
})
