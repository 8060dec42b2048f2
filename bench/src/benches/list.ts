import { capture } from '../api.ts'
import { startBareServer } from '../bare.ts'
import type { Lab, Served } from '../lab.ts'
import type { Row } from '../report.ts'
import { medianOf, saturatedRatio, takeTurns } from '../rounds.ts'
import { mixDescribed } from '../seed.ts'
import { asking, connections } from './calls.ts'

const images = 10_000
const compared = [1_000, 100_000] as const
const target = 0.35
const same = 0.2
const pageSize = 25
const path = '/v2/images'

interface Page {
  readonly images: readonly { readonly owner: string | null; readonly visibility: string }[]
}

/** What stands on the page, from which source; fails when it is not a full page from all three. */
const checkPage = (body: string, consumerProject: string): string => {
  const page: Page = JSON.parse(body)
  const own = page.images.filter(({ owner }) => owner === consumerProject).length
  const open = page.images.filter(({ visibility }) => visibility === 'public').length
  const accepted = page.images.filter(({ visibility }) => visibility === 'shared').length
  if (page.images.length !== pageSize || own + open + accepted !== pageSize || own * open * accepted === 0) {
    throw new Error(`The page has ${page.images.length} images: ${own} own, ${open} public, ${accepted} accepted.`)
  }
  return `${own} own, ${open} public, ${accepted} accepted`
}

const nameOf = (count: number): string => count.toLocaleString('en')

/** A consumer reads the first page of its list, from few, more and many images. */
export const list = async (lab: Lab): Promise<Row[]> => {
  const core = lab.cores.measured
  await using service = await lab.serve(images, core)
  await using few = await lab.serve(compared[0], core)
  await using many = await lab.serve(compared[1], core)
  const answer = await capture(service.url, path, service.consumer)
  const found = checkPage(answer.body, service.consumer.projectId)
  for (const other of [few, many]) {
    checkPage((await capture(other.url, path, other.consumer)).body, other.consumer.projectId)
  }
  await using bare = await startBareServer(answer, core)

  const contestant = (name: string, served: Served) => asking(lab, name, served, path, served.consumer.token)
  const samples = await takeTurns(
    [
      asking(lab, 'bare', bare, path, service.consumer.token),
      contestant(nameOf(compared[0]), few),
      contestant(nameOf(images), service),
      contestant(nameOf(compared[1]), many),
    ],
    { warmUpMs: 2000, rounds: 6, roundMs: 1200 },
  )
  const { ratio, note } = saturatedRatio(samples, nameOf(images), 'bare')
  const perSecond = (name: string, unit = '/s') => ({ value: medianOf(samples, name, 'perSecond'), unit })
  return [
    {
      name: `first page of ${pageSize}, ${nameOf(images)} images`,
      ours: perSecond(nameOf(images)),
      floor: { ...perSecond('bare'), what: 'bare node:http' },
      ratio,
      target: `>= ${target}`,
      met: ratio >= target,
      notes: [
        `the page holds ${found}; ${answer.body.length} bytes, ${connections} connections`,
        `the mix: ${mixDescribed}`,
        note,
      ],
    },
    ...compared.map((count): Row => {
      const relation = saturatedRatio(samples, nameOf(count), nameOf(images))
      return {
        name: `the same, ${nameOf(count)} images`,
        ours: perSecond(nameOf(count)),
        floor: { ...perSecond(nameOf(images)), what: `${nameOf(images)} images` },
        ratio: relation.ratio,
        target: `${1 - same} to ${1 + same}`,
        met: Math.abs(relation.ratio - 1) <= same,
        notes: [relation.note],
      }
    }),
  ]
}
