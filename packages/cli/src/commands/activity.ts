import type { ImageEvent } from '@vitrine/sdk'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { listNeedsVitrine } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { writeStream } from '../output/stream.ts'
import type { View } from '../output/view.ts'
import { upTo } from '../up-to.ts'
import { eventView } from '../views.ts'

export interface ActivityOptions extends OutputOptions {
  follow?: boolean
  type?: string
  limit: number
}

/** Events of several images need to say of which. */
const activityView: View<ImageEvent> = {
  ...eventView,
  columns: eventView.columns.toSpliced(2, 0, { key: 'image_id', title: 'Image', value: ({ imageId }) => imageId }),
}

const what = 'The activity of a project is'

/** The stream carries everything. */
async function* ofType(events: AsyncIterable<ImageEvent>, type: string | undefined) {
  for await (const event of events) if (type === undefined || event.type === type) yield event
}

/** What happened to what the project owns, and to what is shared with it. */
export const showActivity = async (invocation: Invocation, options: ActivityOptions): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  if (options.follow === true) {
    await say(invocation, 'Waiting for what happens; Ctrl-C ends.')
    const events = ofType(listNeedsVitrine(what, service.watchActivity({ signal })), options.type)
    return writeStream(invocation, activityView, events, options)
  }
  const events = listNeedsVitrine(what, service.listActivity({ type: options.type }, { signal }))
  const found = upTo(events, options.limit)
  const count = await writeList(invocation, activityView, found.things, options)
  if (count === 0) await say(invocation, 'Nothing is on record.')
  else if (found.more()) await say(invocation, `Only the last ${options.limit} are listed; --limit lists more.`)
}
