import { usageError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say, write } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { printable } from '../text.ts'

export interface FeedOptions {
  new?: boolean
  end?: boolean
  yes?: boolean
}

const what = 'The feed of a project is'

/** Makes the address of the project's Atom feed, or ends it. The service keeps no copy, so it cannot be shown again. */
export const projectFeed = async (invocation: Invocation, options: FeedOptions): Promise<void> => {
  const { signal } = invocation
  if ((options.new === true) === (options.end === true)) {
    throw usageError(
      'Say --new for an address of the feed, or --end to end it.',
      'An address is shown only once, when it is made.',
    )
  }
  const { service } = await connect(invocation)
  await confirm(invocation, 'The address that the feed has now, if any, ends. Go on?', options.yes)
  if (options.end === true) {
    await needsVitrine(invocation, service, what, service.deleteFeed({ signal }))
    return say(invocation, 'The feed has no address any more.')
  }
  const url = await needsVitrine(invocation, service, what, service.createFeed({ signal }))
  await write(invocation.out, `${printable(url)}\n`)
  await say(invocation, 'Whoever has this address can read the feed. It is shown this once.')
}
