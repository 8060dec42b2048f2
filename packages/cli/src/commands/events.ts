import type { Image, ImageEvent } from '@vitrine/sdk'
import { CommandError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findImage } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList } from '../output/output.ts'
import { eventView } from '../views.ts'

export interface EventsOptions extends OutputOptions {
  limit: number
}

/** The image was found, so a "not found" here is about the log: an extension that other clouds do not have. */
async function* logOf(image: Image, limit: number, signal: AbortSignal): AsyncGenerator<ImageEvent, undefined> {
  const { NotFoundError } = await import('@vitrine/sdk')
  try {
    yield* image.listEvents({}, { signal, maxItems: limit })
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
    throw new CommandError(ExitCode.notFound, 'This cloud keeps no log of what happens to an image.')
  }
}

export const listEvents = async (invocation: Invocation, reference: string, options: EventsOptions): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, invocation)
  const count = await writeList(invocation, eventView, logOf(image, options.limit, signal), options)
  if (count === 0) await say(invocation, 'Nothing is on record.')
}
