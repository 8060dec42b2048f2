import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { startScene } from './testing.ts'

eachDatabase('notices', ({ newUrl, atEnd }) => {
  const start = async (given: Parameters<typeof startScene>[1] = {}) => startScene({ newUrl, atEnd }, given)

  it('go by mail to the consumer of a share, with all that it needs to accept', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'someone@example.org')
    const image = await scene.newImage({ name: 'Debian 13' })
    await scene.share(image, 'consumer')
    const mail = await scene.nextMail()
    assert.deepEqual(mail.to, ['someone@example.org'])
    assert.equal(mail.parsed.subject, 'Shared with you: "Debian 13" by project producer')
    for (const text of [mail.parsed.text ?? '', mail.parsed.html ?? '']) {
      for (const wanted of [
        image,
        `vitrine accept ${image}`,
        `openstack image set --accept ${image}`,
        `openstack server create --image ${image}`,
        '/catalogue/notices/unsubscribe/',
      ]) {
        assert.ok(text.includes(wanted), `${wanted} is missing in ${text}`)
      }
    }
  })
})
