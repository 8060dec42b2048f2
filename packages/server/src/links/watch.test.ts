import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { apiError } from '../api-error.ts'
import { askEveryMs, watchRight } from './watch.ts'

/** Lets what is due and what hangs on it happen, in steps of the watch. */
const pass = async (context: TestContext, ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += askEveryMs) {
    context.mock.timers.tick(askEveryMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const watched = (context: TestContext, ask: () => Promise<unknown>) => {
  context.mock.timers.enable({ apis: ['setInterval', 'Date'] })
  return watchRight(ask, () => Date.now())
}

describe('the watch over a transfer', () => {
  it('ends it with the next question after the right is gone', async (context) => {
    let may = true
    const watch = watched(context, async () => {
      if (!may) throw apiError('image_link_not_found', {})
    })
    await pass(context, 60_000)
    assert.ok(!watch.signal.aborted)
    may = false
    await pass(context, askEveryMs)
    assert.ok(watch.signal.aborted)
    watch.stop()
  })

  it('bears an outage for half a minute, and no longer', async (context) => {
    let isAway = false
    const watch = watched(context, async () => {
      if (isAway) throw apiError('database_unavailable', {})
    })
    for (const outage of [20_000, 26_000]) {
      isAway = true
      await pass(context, outage)
      assert.ok(!watch.signal.aborted)
      isAway = false
      await pass(context, askEveryMs)
    }
    isAway = true
    await pass(context, 34_000)
    assert.ok(watch.signal.aborted)
    watch.stop()
  })

  it('does not wait for ever for an answer that never comes', async (context) => {
    let asked = 0
    const watch = watched(context, () => {
      asked += 1
      return new Promise(() => undefined)
    })
    await pass(context, 30_000)
    assert.ok(!watch.signal.aborted)
    await pass(context, 4000)
    assert.ok(watch.signal.aborted)
    assert.equal(asked, 1)
    watch.stop()
  })

  it('asks nothing any more when it is over', async (context) => {
    let asked = 0
    const watch = watched(context, async () => {
      asked += 1
    })
    await pass(context, askEveryMs)
    watch.stop()
    await pass(context, 10_000)
    assert.equal(asked, 1)
    assert.ok(!watch.signal.aborted)
  })
})
