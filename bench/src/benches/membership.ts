import { capture } from '../api.ts'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { medianOf, saturatedRatio, takeTurns } from '../rounds.ts'
import { asking, connections } from './calls.ts'

const images = 10_000
const target = 0.8
const path = '/v2/images'
const withPath = `${path}?include=membership`

interface Page {
  readonly images: readonly { readonly membership?: unknown }[]
}

/** A list that tells of every image how it is shared with the consumer, next to the same list without. */
export const membership = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, lab.cores.measured)
  const { consumer } = service
  const plain: Page = JSON.parse((await capture(service.url, path, consumer)).body)
  const told: Page = JSON.parse((await capture(service.url, withPath, consumer)).body)
  const shares = told.images.filter((image) => image.membership !== undefined).length
  if (shares === 0 || plain.images.some((image) => image.membership !== undefined)) {
    throw new Error(`The list tells of ${shares} memberships, or of some that nobody asked for.`)
  }
  const samples = await takeTurns(
    [asking(lab, 'without', service, path, consumer.token), asking(lab, 'with', service, withPath, consumer.token)],
    { warmUpMs: 1500, rounds: 6, roundMs: 1000 },
  )
  const { ratio, note } = saturatedRatio(samples, 'with', 'without')
  return [
    {
      name: 'list with include=membership',
      ours: { value: medianOf(samples, 'with', 'perSecond'), unit: '/s' },
      floor: { value: medianOf(samples, 'without', 'perSecond'), unit: '/s', what: 'without' },
      ratio,
      target: `>= ${target}`,
      met: ratio >= target,
      notes: [`${told.images.length} images, ${shares} of them with a membership, ${connections} connections`, note],
    },
  ]
}
