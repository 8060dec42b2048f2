import { capture } from '../api.ts'
import type { Lab, Running } from '../lab.ts'
import type { Row } from '../report.ts'
import { medianOf, saturatedRatio, takeTurns } from '../rounds.ts'
import { acceptedShares } from '../seed-sealed.ts'
import { asking, connections } from './calls.ts'

const images = 1000
const target = 0.5
const pageSize = 25
const path = '/v2/images'
const toldPath = `${path}?include=membership`

interface Page {
  readonly images: readonly { readonly membership?: { readonly key_state: string } }[]
}

/** Fails unless it is a full page of shares whose keys are all in this state. */
const checkPage = async ({ url, consumer }: Running, state: string): Promise<void> => {
  const page: Page = JSON.parse((await capture(url, toldPath, consumer)).body)
  const right = page.images.filter(({ membership }) => membership?.key_state === state).length
  if (page.images.length !== pageSize || right !== pageSize) {
    throw new Error(`Of ${page.images.length} images on the page, the keys of ${right} are ${state}.`)
  }
}

/** A list that tells of every image whether its key can be used, which is found out by using it. */
export const sealedList = async (lab: Lab): Promise<Row[]> => {
  const core = lab.cores.measured
  await using plain = await lab.serveFilled(acceptedShares(images, false), { core })
  await using sealed = await lab.serveFilled(acceptedShares(images, true), { core })
  await checkPage(plain, 'not_needed')
  await checkPage(sealed, 'granted')
  const contestant = (name: string, service: Running, asked: string) =>
    asking(lab, name, service, asked, service.consumer.token)
  const samples = await takeTurns(
    [
      contestant('plain, membership', plain, toldPath),
      contestant('sealed, membership', sealed, toldPath),
      contestant('plain', plain, path),
      contestant('sealed', sealed, path),
    ],
    { warmUpMs: 1000, rounds: 6, roundMs: 800 },
  )
  const row = (name: string, ours: string, floor: string, goal: number): Row => {
    const { ratio, note } = saturatedRatio(samples, ours, floor)
    return {
      name,
      ours: { value: medianOf(samples, ours, 'perSecond'), unit: '/s' },
      floor: { value: medianOf(samples, floor, 'perSecond'), unit: '/s', what: floor },
      ratio,
      target: `>= ${goal}`,
      met: ratio >= goal,
      notes: [note],
    }
  }
  const told = row('list of sealed images with include=membership', 'sealed, membership', 'plain, membership', target)
  return [
    {
      ...told,
      notes: [
        `a page of ${pageSize} of ${images.toLocaleString('en')} shares, all sealed under one key of the producer, which is ` +
          `used for each of them; ${connections} connections`,
        ...told.notes,
      ],
    },
    row('list of sealed images', 'sealed', 'plain', 0.9),
  ]
}
