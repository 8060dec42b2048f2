import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { it, mock } from 'node:test'
import { apiError } from '../api-error.ts'
import { member, type Scene, startScene, until } from '../notices/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'

interface Shown {
  id: string
  type: string
  user_id: string | null
  image_id: string
}

/** A reader of the live stream, over a real connection. */
const openStream = async (scene: Scene, project: string, lastId?: string) => {
  const [address] = scene.app.addresses()
  assert.ok(address !== undefined && typeof address !== 'string')
  const leave = new AbortController()
  const response = await fetch(`http://127.0.0.1:${address.port}/v2/activity/stream`, {
    headers: { 'x-auth-token': member(project), ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
    signal: leave.signal,
  })
  const frames: { id: string; event: string | undefined; data: Shown | undefined }[] = []
  let ended = false
  let text = ''
  const read = async () => {
    assert.ok(response.body)
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const field = (name: string) =>
          part
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2)
        const data = field('data')
        const id = field('id')
        if (id !== undefined)
          frames.push({ id, event: field('event'), data: data === undefined ? undefined : JSON.parse(data) })
      }
    }
  }
  const reading = read()
    .catch(() => undefined)
    .then(() => {
      ended = true
    })
  return {
    response,
    frames,
    events: () => frames.filter(({ data }) => data !== undefined),
    ended: () => ended,
    leave: async () => {
      leave.abort()
      await reading
    },
    waitFor: (count: number) => until(() => frames.filter(({ data }) => data).length >= count, `${count} events`),
  }
}

eachDatabase('the activity of a project', ({ newUrl, atEnd }) => {
  const start = async () => {
    const scene = await startScene({ newUrl, atEnd })
    await scene.app.listen({ host: '127.0.0.1', port: 0 })
    return scene
  }

  const activity = async (scene: Scene, project: string, query = ''): Promise<{ events: Shown[]; next?: string }> => {
    const answer = await scene.call('GET', `/v2/activity${query}`, member(project))
    assert.equal(answer.statusCode, 200, answer.body)
    return answer.json()
  }

  it('shows each side what concerns it, at once, and hides users of others', async () => {
    const scene = await start()
    const image = await scene.newImage({ name: 'one' })
    await scene.share(image, 'consumer')
    const types = async (project: string) => (await activity(scene, project)).events.map(({ type }) => type)
    assert.deepEqual(await types('producer'), ['member.create', 'image.create'])
    assert.deepEqual(await types('consumer'), ['member.create'])
    assert.deepEqual(await types('stranger'), [])
    await scene.settle()
    assert.deepEqual(await types('producer'), ['member.create', 'image.create'])
    const [seen] = (await activity(scene, 'consumer')).events
    assert.equal(seen?.user_id, null)
    assert.equal((await activity(scene, 'producer')).events[0]?.user_id, 'user-of-producer')
    assert.equal((await scene.call('GET', '/v2/activity', fakeToken(null, 'member'))).statusCode, 403)
    assert.equal((await scene.call('GET', '/v2/activity?type=nothing', member('producer'))).statusCode, 400)
  })

  it('pages without a gap or a double, and finds types', async () => {
    const scene = await start()
    const image = await scene.newImage()
    for (let count = 0; count < 6; count += 1) await scene.share(image, `consumer-${count}`)
    const first = await activity(scene, 'producer', '?limit=3')
    await scene.settle()
    const seen = [...first.events]
    for (let { next } = first; next !== undefined; ) {
      const page = await activity(scene, 'producer', next.slice('/v2/activity'.length))
      seen.push(...page.events)
      next = page.next
    }
    assert.equal(new Set(seen.map(({ id }) => id)).size, 7)
    assert.equal(seen.length, 7)
    const created = await activity(scene, 'producer', '?type=image.create')
    assert.deepEqual(
      created.events.map(({ type }) => type),
      ['image.create'],
    )
    const marker = seen[0]?.id ?? ''
    assert.equal((await scene.call('GET', `/v2/activity?marker=${marker}`, member('stranger'))).statusCode, 400)
  })

  it('streams live, and goes on after a break without a gap', async () => {
    const scene = await start()
    const image = await scene.newImage()
    await scene.settle()
    const stream = await openStream(scene, 'consumer')
    assert.equal(stream.response.headers.get('content-type'), 'text/event-stream')
    const other = await openStream(scene, 'stranger')
    await scene.share(image, 'consumer')
    await stream.waitFor(1)
    const [first] = stream.events()
    assert.equal(first?.event, 'member.create')
    assert.equal(first?.data?.image_id, image)
    await stream.leave()

    const second = await scene.newImage()
    await scene.share(second, 'consumer')
    await scene.settle()
    const again = await openStream(scene, 'consumer', first?.id)
    await scene.share(await scene.newImage(), 'consumer')
    await again.waitFor(2)
    assert.equal(again.events().length, 2)
    assert.equal(again.events()[0]?.data?.image_id, second)
    const ids = again.frames.map(({ id }) => Number(id))
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    )
    assert.equal(other.events().length, 0)
    await again.leave()
    await other.leave()
    const odd = await scene.call('GET', '/v2/activity/stream', member('consumer'), undefined, { 'last-event-id': 'x' })
    assert.equal(odd.statusCode, 400)
  })

  it('ends a stream when its token ends, and when the service stops', async () => {
    const scene = await start()
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      const stream = await openStream(scene, 'consumer')
      const { identity } = scene.service
      const { validate } = identity
      mock.timers.tick(30_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal(stream.ended(), false)
      identity.validate = async () => {
        throw apiError('token_invalid', {})
      }
      mock.timers.tick(30_000)
      await until(stream.ended, 'the end of the stream')
      identity.validate = validate
    } finally {
      mock.timers.reset()
    }
    const stream = await openStream(scene, 'consumer')
    const before = performance.now()
    await scene.close()
    await until(stream.ended, 'the end of the stream')
    assert.ok(performance.now() - before < 4000)
  })

  it('limits streams, and cuts off a reader that does not read', async () => {
    const scene = await start()
    const streams = []
    for (let count = 0; count < 10; count += 1) streams.push(await openStream(scene, 'greedy'))
    assert.equal((await openStream(scene, 'greedy')).response.status, 429)
    await streams[0]?.leave()
    await until(async () => {
      const one = await openStream(scene, 'greedy')
      await one.leave()
      return one.response.status === 200
    }, 'room for another stream')
    for (const one of streams) await one.leave()

    const [address] = scene.app.addresses()
    assert.ok(address !== undefined && typeof address !== 'string')
    const socket = connect(address.port, '127.0.0.1')
    let closed = false
    socket.on('close', () => {
      closed = true
    })
    socket.on('error', () => undefined)
    socket.write(`GET /v2/activity/stream HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${member('slow')}\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    const { database, notices } = scene.service
    const detail = JSON.stringify({ padding: 'x'.repeat(100_000) })
    for (let round = 0; round < 200 && !closed; round += 1) {
      await database.write((tx) =>
        tx
          .insertInto('events')
          .values({
            id: `padding-${round}`,
            type: 'image.update',
            image_id: 'none',
            member_id: 'slow',
            project_id: null,
            user_id: null,
            request_id: null,
            created_at: 0,
            detail,
            audience: 'members',
            owner_id: null,
          })
          .execute(),
      )
      if (round % 20 === 19) {
        notices.kick()
        await scene.settle()
        // Only a socket that is read notices that the other side has gone.
        if (round > 120) socket.resume()
      }
    }
    await until(() => closed, 'the end of the reader that does not read')
  })

  it('comes as a feed behind a secret address, which ends when it is made anew', async () => {
    const scene = await start()
    const image = await scene.newImage({ name: 'One & <two>' })
    await scene.share(image, 'consumer')
    await scene.settle()
    const make = async () => {
      const answer = await scene.call('POST', '/v2/feeds', member('consumer'))
      assert.equal(answer.statusCode, 201)
      return String(answer.json().url).slice('https://images.example.org'.length)
    }
    const first = await make()
    const feed = await scene.call('GET', first)
    assert.equal(feed.statusCode, 200)
    assert.equal(feed.headers['cache-control'], 'private, no-store')
    assert.match(feed.body, /<title>Shared with you: &quot;One &amp; &lt;two&gt;&quot; by project producer<\/title>/)
    const second = await make()
    assert.equal((await scene.call('GET', first)).statusCode, 404)
    assert.equal((await scene.call('GET', second)).statusCode, 200)
    assert.equal((await scene.call('DELETE', '/v2/feeds', member('consumer'))).statusCode, 204)
    assert.equal((await scene.call('GET', second)).statusCode, 404)
    assert.equal((await scene.call('POST', '/v2/feeds', fakeToken('consumer', 'reader'))).statusCode, 403)
  })
})
