/** Takes the pictures of docs/pictures anew, from a real run of the way that they show: node acceptance/pictures.ts */
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { logIn } from './accounts.ts'
import { desktopLight, startBrowser, visit } from './browser.ts'
import { linkIn, type MailServer, prepareMailServer } from './mail-server.ts'
import { root, temporaryFolder } from './service.ts'
import { announceGolden, fillCatalogue, golden } from './shelf.ts'
import { type Stage, withStage } from './stage.ts'
import { rowsOf, succeeds, vitrineAs } from './vitrine-command.ts'

const folder = join(root, 'docs/pictures')
const mailbox = 'ada@reader.example'
const screen = { ...desktopLight, width: 1000, height: 700 }

const take = async (page: Page, name: string): Promise<void> => {
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

const takePictures = async (stage: Stage, mail: MailServer, browser: Browser): Promise<void> => {
  const { url } = stage.service
  const producer = vitrineAs(stage, 'producer')
  const { projectId } = await logIn(stage.data, 'consumer')
  await fillCatalogue(stage.data, stage.disk, browser)
  await announceGolden(stage, browser)
  await using visitor = await visit(browser, url, screen)
  const { page } = visitor

  await page.goto(url)
  await take(page, 'catalogue')
  await page.setViewportSize({ width: 1000, height: 790 })
  await page.goto(`${url}${golden.path}#ask`)
  await page.getByLabel(/project/i).fill(projectId)
  await page.getByLabel(/mail/i).fill(mailbox)
  await page.getByLabel(/message/i).fill('For the classroom of next term.')
  await page.locator('#ask').evaluate((section) => section.scrollIntoView())
  await take(page, 'listing')
  await page.setViewportSize(screen)
  await page.getByRole('button', { name: /ask|request/i }).click()
  await page.waitForURL(/\/catalogue\/requests\//)
  const tracker = page.url()

  await page.goto(linkIn(await mail.next(mailbox, /confirm/i), '/catalogue/requests/confirm/'))
  await page.getByRole('main').getByRole('button').click()
  const [request] = await rowsOf(producer, 'requests')
  await succeeds(producer, 'approve', request?.id ?? '', '--message', 'Enjoy it, and tell us what is missing.')
  const approved = await mail.next(mailbox, new RegExp(golden.title))
  await page.goto(tracker)
  await take(page, 'tracker')

  // A window of its own: in this one the policy of the catalogue would forbid the styles of the mail.
  const reader = await browser.newPage({ viewport: { width: 760, height: 720 } })
  await reader.setContent(approved.html)
  await take(reader, 'mail')
}

await using temporary = await temporaryFolder()
await using mail = await prepareMailServer(temporary.path)
await mail.listen()
const browser = await startBrowser()
try {
  await withStage((stage) => takePictures(stage, mail, browser), { by: 'node', settings: mail.settings })
} finally {
  await browser.close()
}
