import { capture } from '../api.ts'
import { startBareServer } from '../bare.ts'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { medianOf, saturatedRatio, takeTurns } from '../rounds.ts'
import { membersOfShown } from '../seed.ts'
import { asking, connections } from './calls.ts'

const images = 10_000
const target = 0.5

/** A consumer reads an image that is shared with it and 99 others. */
export const show = async (lab: Lab): Promise<Row[]> => {
  await using service = await lab.serve(images, lab.cores.measured)
  const path = `/v2/images/${service.shownId}`
  const answer = await capture(service.url, path, service.consumer)
  await using bare = await startBareServer(answer, lab.cores.measured)
  const { token } = service.consumer
  const samples = await takeTurns([asking(lab, 'bare', bare, path, token), asking(lab, 'ours', service, path, token)], {
    warmUpMs: 2000,
    rounds: 6,
    roundMs: 1500,
  })
  const { ratio, note } = saturatedRatio(samples, 'ours', 'bare')
  return [
    {
      name: 'show image',
      ours: { value: medianOf(samples, 'ours', 'perSecond'), unit: '/s' },
      floor: { value: medianOf(samples, 'bare', 'perSecond'), unit: '/s', what: 'bare node:http' },
      ratio,
      target: `>= ${target}`,
      met: ratio >= target,
      notes: [
        `${images.toLocaleString('en')} images, ${membersOfShown} members on the image, read by one of them; ` +
          `${answer.body.length} bytes, ${connections} connections`,
        note,
      ],
    },
  ]
}
