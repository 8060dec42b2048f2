import type { JsonObject } from '@vitrine/sdk'
import { documentView, field, instant } from '../columns.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { findImage } from '../find-image.ts'
import { imageLabel } from '../image-label.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import type { View } from '../output/view.ts'

const cacheView: View<JsonObject> = documentView(
  [
    field('image_id', 'Image'),
    field('state', 'State'),
    field('size', 'Bytes'),
    field('hits', 'Reads'),
    instant('last_accessed', 'Last read'),
  ],
  [instant('last_modified', 'Copied')],
)

/** What is cached, and then what waits. */
export const listCache = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const { cached, queued } = await service.cache.list({ signal: invocation.signal })
  async function* rows(): AsyncGenerator<JsonObject, undefined> {
    for (const { imageId: image_id, hits, size, lastAccessed, lastModified } of cached) {
      const times = { last_accessed: lastAccessed.toISOString(), last_modified: lastModified.toISOString() }
      yield { image_id, state: 'cached', hits, size, ...times }
    }
    for (const image_id of queued) yield { image_id, state: 'queued' }
  }
  const count = await writeList(invocation, cacheView, rows(), options)
  if (count === 0) await say(invocation, 'Nothing is cached here. To have an image cached: vitrine cache add IMAGE')
}

export const addToCache = async (invocation: Invocation, references: readonly string[]): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  for (const reference of references) {
    const image = await findImage(service, reference, { signal })
    await service.cache.add(image.id, { signal })
    await say(invocation, `${imageLabel(image)} is going to be cached.`)
  }
}

export const removeFromCache = async (invocation: Invocation, references: readonly string[]): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  for (const reference of references) {
    const image = await findImage(service, reference, { signal })
    await service.cache.remove(image.id, { signal })
    await say(invocation, `${imageLabel(image)} is not cached any more.`)
  }
}

export const clearCache = async (invocation: Invocation, only: 'cache' | 'queue' | undefined): Promise<void> => {
  const { service } = await connect(invocation)
  await service.cache.clear(only, { signal: invocation.signal })
  await say(invocation, only === undefined ? 'The cache and its queue are empty.' : `The ${only} is empty.`)
}

export const tidyCache = async (invocation: Invocation, how: 'clean' | 'prune'): Promise<void> => {
  const { service } = await connect(invocation)
  await service.cache[how]({ signal: invocation.signal })
  await say(invocation, how === 'clean' ? 'What was of no use is gone.' : 'The cache is within its size.')
}
