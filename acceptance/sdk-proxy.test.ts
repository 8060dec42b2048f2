import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { logIn } from './accounts.ts'
import { python } from './client-command.ts'
import { needCommands } from './packages.ts'
import { root } from './service.ts'
import { withStage } from './stage.ts'
import { importingFrom, startWebContent } from './web-content.ts'

// openstacksdk comes with it.
const skip = await needCommands('openstack', 'qemu-img')

test("every method of openstacksdk's image proxy returns what is right", { skip }, async () => {
  await using web = await startWebContent()
  const bytes = randomBytes(50_000)
  const address = web.serve('web.raw', bytes).replace('/web.raw', '')
  const sha512 = createHash('sha512').update(bytes).digest('hex')
  await withStage(
    async (stage) => {
      const { projectId } = await logIn(stage.data, 'consumer')
      const script = join(root, 'acceptance/clients/sdk_proxy.py')
      const { exitCode, stdout, stderr } = await stage.run(python, [script, stage.folder, address, sha512, projectId])
      assert.equal(exitCode, 0, stderr)
      const { called, methods }: { called: string[]; methods: string[] } = JSON.parse(stdout)
      assert.ok(methods.length > 30, methods.join())
      assert.deepEqual(
        methods.filter((method) => !called.includes(method)),
        [],
        'methods that the script does not call',
      )
    },
    { by: 'node', stores: ['fast', 'slow'], settings: importingFrom(web) },
  )
})
