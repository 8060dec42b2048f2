import type { ListImagesParams } from '@vitrine/sdk'
import type { Pair } from '../arguments.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { upTo } from '../up-to.ts'
import { imageListView } from '../views.ts'

export interface ImageListOptions extends OutputOptions {
  name?: string
  status?: string
  tag?: string[]
  visibility?: NonNullable<ListImagesParams['visibility']>
  memberStatus?: NonNullable<ListImagesParams['memberStatus']>
  hidden?: boolean
  owner?: string
  property?: Pair[]
  sort?: string
  limit: number
  all?: boolean
}

const largestPage = 1000

const listParams = (options: ImageListOptions, equalTo: (text: string) => string): ListImagesParams => {
  const { name, status, tag, visibility, memberStatus, hidden, owner, property = [], sort } = options
  return {
    ...Object.fromEntries(property),
    // With a colon in it a name would be read as an operator.
    name: name?.includes(':') ? equalTo(name) : name,
    status,
    tag,
    visibility,
    memberStatus,
    osHidden: hidden === true ? true : undefined,
    owner,
    sort,
  }
}

export const listImages = async (invocation: Invocation, options: ImageListOptions): Promise<void> => {
  const limit = options.all === true ? Number.POSITIVE_INFINITY : options.limit
  const { equalTo } = await import('@vitrine/sdk')
  const { service } = await connect(invocation)
  // One more than shown tells whether there are more.
  const paging = { signal: invocation.signal, pageSize: Math.min(limit + 1, largestPage) }
  const images = upTo(service.listImages(listParams(options, equalTo), paging), limit)
  const count = await writeList(invocation, imageListView, images.things, options)
  const more = images.more()
  if (count === 0 && !more) await say(invocation, 'No images. Those that wait for your answer: vitrine inbox')
  if (more) await say(invocation, `Only the first ${limit} are listed; --all lists all of them.`)
}
