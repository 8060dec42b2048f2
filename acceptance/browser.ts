import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { searchPath } from './process.ts'

/** How somebody looks at a page. */
export interface Screen {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly colors: 'light' | 'dark'
}

const phone = { width: 390, height: 844 }
const desktop = { width: 1280, height: 900 }
export const screens: readonly Screen[] = [
  { name: 'phone-light', ...phone, colors: 'light' },
  { name: 'phone-dark', ...phone, colors: 'dark' },
  { name: 'desktop-light', ...desktop, colors: 'light' },
  { name: 'desktop-dark', ...desktop, colors: 'dark' },
]
export const desktopLight: Screen = { name: 'desktop-light', ...desktop, colors: 'light' }

/** The least width at which a page must not have to be moved sideways (WCAG 1.4.10). */
const narrowestPixels = 320

const pathOf = (command: string): string => {
  for (const folder of searchPath(process.env)) {
    const path = join(folder, command)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`${command} was not found`)
}

/** Chromium as Debian has it. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: pathOf('chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })

/** A visitor without an account; what goes wrong on the way is collected. */
export interface Visitor extends AsyncDisposable {
  readonly page: Page
  /** Fails unless every page came whole from the service alone, under its policy, without a complaint of the browser. */
  checkManners(): void
}

const contextOptions = ({ width, height, colors }: Screen, javaScript: boolean): BrowserContextOptions => ({
  viewport: { width, height },
  colorScheme: colors,
  reducedMotion: 'reduce',
  javaScriptEnabled: javaScript,
  locale: 'en',
})

/** Opens a window of its own, without cookies or history. */
export const visit = async (
  browser: Browser,
  origin: string,
  screen: Screen,
  { javaScript = true }: { readonly javaScript?: boolean } = {},
): Promise<Visitor> => {
  const context = await browser.newContext(contextOptions(screen, javaScript))
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // That a page was not found is no complaint of the page.
    const isMissing = message.text().includes('404') && message.location().url === page.url()
    const isBad = message.type() === 'error' || message.type() === 'warning'
    if (isBad && !isMissing) complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`))
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`another origin: ${request.url()}`)
  })
  page.on('response', (response) => {
    const headers = response.headers()
    if (!headers['content-type']?.startsWith('text/html')) return
    const policy = headers['content-security-policy'] ?? ''
    if (!/default-src 'none'/.test(policy) || /unsafe|\*/.test(policy)) complaints.push(`policy: ${policy}`)
    if (headers['set-cookie'] !== undefined) complaints.push(`cookie: ${response.url()}`)
  })
  return {
    page,
    checkManners: () => assert.deepEqual(complaints, []),
    [Symbol.asyncDispose]: () => context.close(),
  }
}

/** Findings of axe on the page as it is, each as a line. */
const accessibilityFindings = async (page: Page): Promise<string[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(
    ({ id, impact, help, nodes }) => `${impact}: ${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`,
  )
}

const overflowPixels = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

/**
 * Looks at a page on every screen: axe finds nothing, and nothing has to be moved sideways.
 * @param folder where a picture of each screen goes, if anywhere
 */
export const checkPage = async (browser: Browser, url: string, name: string, folder?: string): Promise<void> => {
  const { origin } = new URL(url)
  for (const screen of screens) {
    await using visitor = await visit(browser, origin, screen)
    const { page } = visitor
    await page.goto(url)
    assert.deepEqual(await accessibilityFindings(page), [], `${name} on ${screen.name}`)
    assert.equal(await overflowPixels(page), 0, `${name} on ${screen.name} fits its width`)
    if (folder !== undefined)
      await page.screenshot({ path: join(folder, `${name}-${screen.name}.png`), fullPage: true })
    visitor.checkManners()
  }
  await using visitor = await visit(browser, origin, {
    ...phone,
    name: 'narrow',
    colors: 'light',
    width: narrowestPixels,
  })
  await visitor.page.goto(url)
  assert.equal(await overflowPixels(visitor.page), 0, `${name} fits ${narrowestPixels} pixels`)
}

const isFocused = (element: Locator): Promise<boolean> =>
  element.evaluate((node) => node === node.ownerDocument.activeElement)

/** Goes to an element as somebody does who has a keyboard only. @throws Error when it cannot be reached */
export const tabTo = async (page: Page, element: Locator): Promise<void> => {
  for (let presses = 0; presses < 80; presses += 1) {
    if (await isFocused(element)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${element} cannot be reached by the keyboard`)
}
