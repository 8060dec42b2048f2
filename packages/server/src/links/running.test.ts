import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { askEveryMs } from './watch.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const sizeBytes = 64 * 1024 * 1024

const open = (url: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get(url, resolve).on('error', reject)
  })

/** Reads as slowly as a machine that has time, until the connection breaks. @returns bytes that came */
const readSlowly = async (answer: IncomingMessage): Promise<number> => {
  let got = 0
  await assert.rejects(async () => {
    for await (const chunk of answer) {
      got += chunk.length
      await sleep(20)
    }
  })
  return got
}

it('OSSA-2023-003: a transfer under way breaks off soon after the share has ended', async (context) => {
  const service = await startTestService()
  context.after(service.close)
  const { app, call } = service
  const attributes = { disk_format: 'raw', container_format: 'bare' }
  const { id } = (await call('POST', '/v2/images', producer, attributes)).json()
  const octets = { 'content-type': 'application/octet-stream' }
  await call('PUT', `/v2/images/${id}/file`, producer, Buffer.alloc(sizeBytes), octets)
  await call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
  const host = await app.listen({ host: '127.0.0.1', port: 0 })
  const pathOf = async (token: string): Promise<string> =>
    new URL((await call('POST', `/v2/images/${id}/links`, token)).json().url).pathname

  const answer = await open(`${host}${await pathOf(consumer)}`)
  const kept = await open(`${host}${await pathOf(producer)}`)
  const broken = readSlowly(answer)
  await sleep(askEveryMs / 2)
  const endedAt = performance.now()
  await call('DELETE', `/v2/images/${id}/members/consumer`, producer)
  const got = await broken
  const tookMs = performance.now() - endedAt
  context.diagnostic(`broken off ${Math.round(tookMs)} ms after the share ended, at ${got} of ${sizeBytes} bytes`)
  assert.ok(tookMs < 3 * askEveryMs, `${tookMs} ms`)
  assert.ok(got < sizeBytes)

  let whole = 0
  for await (const chunk of kept) whole += chunk.length
  assert.equal(whole, sizeBytes)
})
