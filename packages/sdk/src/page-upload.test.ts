import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { answerJson, pattern, serve, serviceAt } from '../test/byte-server.ts'
import { imageDocument, imageId } from '../test/fake-fetch.ts'
import { ConflictError, NetworkError, TimeoutError } from './errors.ts'
import type { Progress } from './progress.ts'

const bytes = pattern(100_000)

/** As much of a page's XMLHttpRequest as is used, over Node's fetch; refuses the headers that a browser refuses. */
class PageRequest {
  upload: { onprogress?: (event: { loaded: number; total: number; lengthComputable: boolean }) => void } = {}
  onload = () => {}
  onerror = () => {}
  onloadend = () => {}
  status = 0
  responseText = ''
  #headers = new Headers()
  #controller = new AbortController()
  #url = ''
  #method = ''

  open(method: string, url: string) {
    this.#method = method
    this.#url = url
  }

  setRequestHeader(name: string, value: string) {
    assert.notEqual(name.toLowerCase(), 'content-length')
    this.#headers.set(name, value)
  }

  getAllResponseHeaders() {
    return 'content-type: application/json\r\nx-openstack-request-id: req-1\r\n'
  }

  abort() {
    this.#controller.abort()
  }

  send(body: Blob) {
    const { signal } = this.#controller
    this.upload.onprogress?.({ loaded: body.size / 2, total: body.size, lengthComputable: true })
    fetch(this.#url, { method: this.#method, headers: this.#headers, body, signal })
      .then(async (response) => {
        this.upload.onprogress?.({ loaded: body.size, total: body.size, lengthComputable: true })
        this.status = response.status
        this.responseText = await response.text()
        this.onload()
      })
      .catch(() => signal.aborted || this.onerror())
      .finally(() => this.onloadend())
  }
}

/** Pretends to be a page for one test. */
const inPage = (t: TestContext) => {
  Object.defineProperty(globalThis, 'XMLHttpRequest', { value: PageRequest, configurable: true })
  t.after(() => Reflect.deleteProperty(globalThis, 'XMLHttpRequest'))
}

const imageThat = async (t: TestContext, put: Parameters<typeof serve>[1], options = {}) => {
  inPage(t)
  const address = await serve(t, (request, response) =>
    request.method === 'GET' ? answerJson(response, 200, imageDocument()) : put(request, response),
  )
  return serviceAt(address, options).getImage(imageId)
}

test('a page uploads a Blob and bytes with the headers of the API and shows progress', async (t) => {
  const received: Buffer[] = []
  const image = await imageThat(t, async (request, response) => {
    assert.equal(request.headers['x-openstack-image-size'], '100000')
    assert.equal(request.headers['content-type'], 'application/octet-stream')
    assert.equal(request.headers['x-auth-token'], 'tok')
    received.push(Buffer.concat(await request.toArray()))
    response.writeHead(204).end()
  })
  const seen: Progress[] = []
  await image.uploadData(new Blob([new Uint8Array(bytes)]), { onProgress: (progress) => seen.push(progress) })
  await image.uploadData(bytes)
  assert.ok(received[0]?.equals(bytes) && received[1]?.equals(bytes))
  assert.deepEqual(seen, [
    { transferredBytes: 50_000, totalBytes: 100_000 },
    { transferredBytes: 100_000, totalBytes: 100_000 },
  ])
})

test('refusals, breaks, silence and the caller end it as anywhere else', async (t) => {
  const refusing = await imageThat(t, async (request, response) => {
    await request.toArray()
    answerJson(response, 409, { error: { message: 'Active.' } })
  })
  await assert.rejects(refusing.uploadData(new Blob(['x'])), (error) => {
    return error instanceof ConflictError && error.message === 'Active.' && error.requestId === 'req-1'
  })
  const breaking = await imageThat(t, (_, response) => response.destroy())
  await assert.rejects(breaking.uploadData(new Blob(['x'])), NetworkError)
  const silent = await imageThat(t, () => {}, { idleTimeoutMs: 50 })
  await assert.rejects(silent.uploadData(new Blob(['xy'])), TimeoutError)
  const reason = new Error('enough')
  const patient = await imageThat(t, () => {})
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 30)
  await assert.rejects(patient.uploadData(new Blob(['x']), { signal: controller.signal }), reason)
})
