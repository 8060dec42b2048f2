import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { logIn } from './accounts.ts'
import { checkPage, desktopLight, startBrowser, tabTo, visit } from './browser.ts'
import { boot, sha512Of } from './disk.ts'
import { commandIn, linkIn, type MailServer, prepareMailServer } from './mail-server.ts'
import { OpenStackCommand, openStackConsumer } from './openstack-client.ts'
import { needCommands } from './packages.ts'
import { databaseNames } from './postgres.ts'
import { temporaryFolder } from './service.ts'
import { announceGolden, fillCatalogue, golden } from './shelf.ts'
import { type Stage, withStage } from './stage.ts'
import { jsonOf, rowsOf, succeeds, vitrineAs } from './vitrine-command.ts'

const skip = await needCommands('chromium', 'openssl', 'openstack', 'qemu-img', 'qemu-system-x86_64')

const requester = 'ada@reader.example'

/** What the way is played with; the pages are the same with every database, and are looked at once. */
interface Cast {
  readonly stage: Stage
  readonly mail: MailServer
  readonly browser: Browser
  readonly checksPages: boolean
}

const playSixSteps = async (t: TestContext, { stage, mail, browser, checksPages }: Cast): Promise<void> => {
  const { url } = stage.service
  const [producer, consumer] = [vitrineAs(stage, 'producer'), vitrineAs(stage, 'consumer')]
  const { projectId } = await logIn(stage.data, 'consumer')
  const openstack = openStackConsumer(new OpenStackCommand(stage, 'consumer'))
  await fillCatalogue(stage.data, stage.disk, browser)
  const imageId = await announceGolden(stage, browser)
  const pictures = process.env.VITRINE_PICTURES
  if (pictures !== undefined) await mkdir(pictures, { recursive: true })
  await using visitor = await visit(browser, url, desktopLight)
  const { page } = visitor
  const look = async (address: string, name: string): Promise<void> => {
    if (checksPages) await checkPage(browser, address, name, pictures)
  }
  const seen = async (): Promise<void> => {
    const content = await page.content()
    assert.ok(!content.includes(imageId), `${page.url()} does not tell the id of the image`)
    assert.ok(!content.includes(projectId) || page.url().includes('/requests/'), `${page.url()} names no project`)
  }
  let confirmLink = ''
  let trackerUrl = ''

  await t.test('1. anybody finds the image, with the keyboard alone', async () => {
    await page.goto(`${url}/`)
    assert.equal(new URL(page.url()).pathname, '/catalogue')
    await look(page.url(), 'catalogue')
    await tabTo(page, page.getByRole('searchbox').first())
    await page.keyboard.type('docker deb')
    await page.keyboard.press('Enter')
    await page.waitForURL(/[?&]q=docker/)
    await seen()
    await look(page.url(), 'search')
    await tabTo(page, page.getByRole('link', { name: golden.title }))
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/catalogue\/producers\/acme-images\/debian-docker$/)
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), golden.title)
    await seen()
    await look(page.url(), 'listing')
    await look(`${url}/catalogue/producers/acme-images`, 'producer')
  })
  await t.test('2. asks for it', async () => {
    await tabTo(page, page.getByLabel(/project/i))
    await page.keyboard.type(projectId)
    await tabTo(page, page.getByLabel(/mail/i))
    await page.keyboard.type(requester)
    await tabTo(page, page.getByLabel(/message/i))
    await page.keyboard.type('For the classroom of next term.')
    await tabTo(page, page.getByRole('button', { name: /ask|request/i }))
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/catalogue\/requests\//)
    trackerUrl = page.url()
    assert.match(await page.getByRole('main').innerText(), /mail/i)
    await seen()
    await look(trackerUrl, 'tracker-unconfirmed')
  })
  await t.test('   and confirms the address; a look at the link alone does nothing', async () => {
    const confirm = await mail.next(requester, /confirm/i)
    confirmLink = linkIn(confirm, '/catalogue/requests/confirm/')
    assert.equal(new URL(confirmLink).origin, url)
    for (const method of ['HEAD', 'GET', 'GET']) await (await fetch(confirmLink, { method })).arrayBuffer()
    assert.deepEqual(await rowsOf(producer, 'requests'), [])
    await look(confirmLink, 'confirm')
    await page.goto(confirmLink)
    await tabTo(page, page.getByRole('main').getByRole('button'))
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    assert.doesNotMatch(await page.getByRole('main').innerText(), /did you ask/i)
    await page.goto(trackerUrl)
    await look(trackerUrl, 'tracker-waiting')
  })
  await t.test('3. the producer sees it and approves', async () => {
    const [request, ...others] = await rowsOf(producer, 'requests')
    assert.ok(request && others.length === 0)
    assert.equal(request.email, requester)
    assert.equal(request.project, projectId)
    assert.equal(request.message, 'For the classroom of next term.')
    await succeeds(producer, 'approve', request.id ?? '', '--message', 'Enjoy it.')
    assert.deepEqual(await rowsOf(producer, 'requests'), [])
    assert.deepEqual(await openstack.listedIds(), [])
  })
  await t.test('4. the answer comes by mail, 5. its command accepts the image', async () => {
    const approved = await mail.next(requester, /Debian 13 with Docker/)
    for (const fact of [imageId, stage.disk.sha512, String(stage.disk.sizeBytes), 'Enjoy it.', 'Acme Images']) {
      for (const part of [approved.text, approved.html])
        assert.ok(part.includes(fact), `the mail says ${fact}: ${part}`)
    }
    assert.ok(approved.headers.has('list-unsubscribe'))
    await look(linkIn(approved, '/catalogue/notices/unsubscribe/'), 'unsubscribe')
    const accept = commandIn(approved, /^\$? ?vitrine accept/)
    const finished = await stage.run('sh', ['-c', accept], { environment: { OS_CLOUD: 'consumer' } })
    assert.equal(finished.exitCode, 0, finished.stderr)
    assert.deepEqual(await openstack.listedIds(), [imageId])
  })
  await t.test('6. the image boots, and everybody sees how it went', async () => {
    const path = join(stage.folder, 'copy.qcow2')
    await openstack.save(imageId, path)
    assert.equal(await sha512Of(path), stage.disk.sha512)
    assert.equal(await boot(path), stage.disk.line)
    await page.goto(trackerUrl)
    assert.match(await page.getByRole('main').innerText(), /approved/i)
    assert.ok((await page.content()).includes(imageId))
    await look(trackerUrl, 'tracker-approved')
    const members = await rowsOf(producer, 'members', 'golden')
    assert.deepEqual(
      members.map((member) => [member.project_id ?? member.member_id, member.status]),
      [[projectId, 'accepted']],
    )
    assert.equal(await jsonOf(consumer, 'inbox').then((printed) => printed.trim()), '[]')
  })
  await t.test('nothing came from elsewhere, and the browser has nothing to complain of', () => visitor.checkManners())
  await t.test('the same form works without JavaScript, and says what is wrong with it', async () => {
    await using plain = await visit(browser, url, desktopLight, { javaScript: false })
    await plain.page.goto(`${url}${golden.path}`)
    await plain.page.getByLabel(/project/i).fill(projectId)
    await plain.page.getByLabel(/mail/i).fill('bob@reader.example')
    await plain.page.getByRole('button', { name: /ask|request/i }).click()
    await plain.page.waitForURL(/\/catalogue\/requests\//)
    plain.checkManners()
    linkIn(await mail.next('bob@reader.example', /confirm/i), '/catalogue/requests/confirm/')
  })
  await t.test('an address that leads nowhere is a page, too', () =>
    look(`${url}/catalogue/producers/nobody`, 'missing'),
  )
}

for (const database of databaseNames) {
  test(`from an anonymous browser to an image that boots, on ${database}`, { skip }, async (t) => {
    await using folder = await temporaryFolder()
    await using mail = await prepareMailServer(folder.path)
    await mail.listen()
    const browser = await startBrowser()
    try {
      const checksPages = database === 'SQLite'
      await withStage((stage) => playSixSteps(t, { stage, mail, browser, checksPages }), {
        by: 'node',
        database,
        settings: mail.settings,
      })
    } finally {
      await browser.close()
    }
  })
}
