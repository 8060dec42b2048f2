import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type CloudName, logIn } from './accounts.ts'
import type { BootableDisk } from './disk.ts'
import type { Stage } from './stage.ts'
import { shownBy, succeeds, vitrineAs } from './vitrine-command.ts'

/** A listing as a producer would write it. */
interface Exhibit {
  readonly by: CloudName
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly osName: string
  readonly osVersion: string
  readonly architecture: string
  readonly licence: string
  /** Letters and color of its icon. */
  readonly icon: readonly [letters: string, color: string]
}

export const acme = { handle: 'acme-images', name: 'Acme Images' }
const lighthouse = { handle: 'lighthouse', name: 'Lighthouse Computing' }

const exhibits: readonly Exhibit[] = [
  {
    by: 'admin',
    slug: 'router',
    title: 'OpenWrt as a virtual router',
    summary: 'Two interfaces, a firewall, and a web page to set it up.',
    ...{ osName: 'OpenWrt', osVersion: '25.12', architecture: 'aarch64', licence: 'GPL-2.0-only' },
    icon: ['Ow', '#00629b'],
  },
  {
    by: 'producer',
    slug: 'debian-postgresql',
    title: 'Debian 13 with PostgreSQL 18',
    summary: 'A database server with daily dumps to an object store.',
    ...{ osName: 'Debian', osVersion: '13', architecture: 'x86_64', licence: 'DFSG' },
    icon: ['Pg', '#336791'],
  },
  {
    by: 'admin',
    slug: 'rocky-hardened',
    title: 'Rocky Linux 10, hardened',
    summary: 'Set up by the CIS benchmark, level 2, with the report inside.',
    ...{ osName: 'Rocky Linux', osVersion: '10', architecture: 'x86_64', licence: 'BSD-3-Clause' },
    icon: ['Ro', '#0b6e4f'],
  },
  {
    by: 'admin',
    slug: 'jupyterhub',
    title: 'JupyterHub for a classroom',
    summary: 'Notebooks for forty people, each with an account of their own.',
    ...{ osName: 'Ubuntu', osVersion: '24.04', architecture: 'x86_64', licence: 'BSD-3-Clause' },
    icon: ['Ju', '#b3541e'],
  },
]

const iconOf = async (browser: Browser, [letters, color]: Exhibit['icon']): Promise<Uint8Array<ArrayBuffer>> => {
  const page = await browser.newPage({ viewport: { width: 128, height: 128 } })
  const style = `margin:0;background:${color};color:#fff;font:600 64px/128px sans-serif;text-align:center`
  await page.setContent(`<body style="${style}">${letters}</body>`)
  const picture = new Uint8Array(await page.screenshot({ type: 'png' }))
  await page.close()
  return picture
}

/** Fills the catalogue with images of two producers, so that there is something to find. */
export const fillCatalogue = async (data: string, disk: BootableDisk, browser: Browser): Promise<void> => {
  const images = { admin: (await logIn(data, 'admin')).images, producer: (await logIn(data, 'producer')).images }
  await images.admin.setProducer(lighthouse)
  await images.producer.setProducer(acme)
  for (const { by, icon, ...attributes } of exhibits) {
    const service = by === 'admin' ? images.admin : images.producer
    const image = await service.createImage({ name: attributes.slug, diskFormat: 'qcow2', containerFormat: 'bare' })
    await image.uploadData(await readFile(disk.path))
    const listing = await image.publish(attributes)
    await listing.setIcon(await iconOf(browser, icon), 'image/png')
  }
}

const description = `## What is inside

- Debian 13, built anew every Monday
- Docker 29 with Compose
- \`cloud-init\`, which takes your key

## First steps

    ssh debian@ADDRESS
    docker run hello-world
`

export const golden = {
  name: 'golden',
  title: 'Debian 13 with Docker',
  path: `/catalogue/producers/${acme.handle}/debian-docker`,
}

/** The producer uploads an image and announces it, with the command. @returns the id of the image */
export const announceGolden = async (stage: Stage, browser: Browser): Promise<string> => {
  const producer = vitrineAs(stage, 'producer')
  const [text, terms, icon] = ['description.md', 'terms.md', 'icon.png'].map((name) => join(stage.folder, name))
  assert.ok(text && terms && icon)
  await writeFile(text, description)
  await writeFile(terms, 'For **research and teaching**. Updates come for two years.\n')
  await writeFile(icon, await iconOf(browser, ['De', '#a80030']))
  await succeeds(producer, 'image', 'create', golden.name, '--file', stage.disk.path)
  await succeeds(producer, 'producer', 'set', '--handle', acme.handle, '--name', acme.name)
  const words = ['--title', golden.title, '--summary', 'A small Debian that starts containers at once.']
  const facts = ['--os', 'Debian', '--os-version', '13', '--architecture', 'x86_64', '--licence', 'DFSG']
  const links = ['--docs', 'https://images.acme.example/debian-docker', '--contact', 'images@acme.example']
  const files = ['--description', text, '--terms', terms, '--icon', icon]
  const slug = ['--slug', 'debian-docker']
  await succeeds(producer, 'publish', golden.name, ...words, ...facts, ...links, ...files, ...slug)
  return (await shownBy(producer, 'image', 'show', golden.name)).id ?? ''
}
