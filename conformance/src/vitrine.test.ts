import { test } from 'node:test'
import { assembleCast } from './actors.ts'
import { closeAgents, createAgents } from './client.ts'
import { groups } from './groups/index.ts'
import { runGroup } from './suite.ts'
import { startVitrine } from './vitrine.ts'

for (const database of ['SQLite', 'PostgreSQL'] as const)
  test(`Vitrine over ${database} keeps the contract`, async (overDatabase) => {
    const service = await startVitrine(database)
    const agents = createAgents()
    try {
      const cast = await assembleCast(service.clouds, undefined, agents)
      for (const group of groups)
        await overDatabase.test(group.name, async (inGroup) => {
          await runGroup(group, cast, {
            glance: false,
            report: (outcome) =>
              inGroup.test(outcome.name, (t) => {
                if (outcome.result === 'failed') throw outcome.error
                if (outcome.result === 'skipped') t.skip(outcome.why)
              }),
          })
        })
      await cast.dismiss()
    } finally {
      closeAgents(agents)
      await service.stop()
    }
  })
