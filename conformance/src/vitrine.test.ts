import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assembleCast } from './actors.ts'
import { closeAgents, createAgents } from './client.ts'
import { serveContent } from './content.ts'
import { groups } from './groups/index.ts'
import { receiveHooks, receiveMail } from './receivers.ts'
import { line } from './report.ts'
import { type Outcome, runGroup } from './suite.ts'
import { startVitrine } from './vitrine.ts'

for (const database of ['SQLite', 'PostgreSQL'] as const)
  test(`Vitrine over ${database} keeps the contract`, async (overDatabase) => {
    const here = { host: '127.0.0.1', port: 0 }
    const receivers = {
      mail: await receiveMail(here),
      hooks: await receiveHooks(here),
      content: await serveContent(here, 'elsewhere'),
    }
    const service = await startVitrine(database, receivers)
    const agents = createAgents()
    try {
      const cast = await assembleCast(service.clouds, undefined, agents)
      for (const group of groups)
        await overDatabase.test(group.name, async (inGroup) => {
          const outcomes: Outcome[] = []
          await runGroup(
            group,
            { ...cast, receivers },
            { glance: false, report: (outcome) => void outcomes.push(outcome) },
          )
          const lines = outcomes.map(line).filter((text) => text !== undefined)
          inGroup.diagnostic(`${group.name}: ${outcomes.length} expectations`)
          assert.equal(lines.length, 0, `\n${lines.join('\n')}`)
          assert.notEqual(outcomes.length, 0)
        })
      await cast.dismiss()
    } finally {
      closeAgents(agents)
      await service.stop()
      await receivers.mail.stop()
      await receivers.hooks.stop()
      await receivers.content.stop()
    }
  })
