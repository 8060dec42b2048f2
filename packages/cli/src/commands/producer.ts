import type { ImageService, Producer, ProducerAttributes } from '@vitrine/sdk'
import { producerView } from '../catalogue-views.ts'
import { CommandError, usageError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine, orElse } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { readText } from '../read-text.ts'
import { printable } from '../text.ts'
import { wireDocument } from '../wire.ts'

export interface ProducerOptions extends OutputOptions {
  handle?: string
  name?: string
  description?: string
  website?: string
  contact?: string
}

const profileOf = (service: ImageService, signal: AbortSignal): Promise<Producer | undefined> =>
  orElse<Producer | undefined>(service.getProducer({ signal }), async () => undefined)

const show = async (invocation: Invocation, producer: Producer, options: OutputOptions): Promise<void> => {
  await writeRecord(invocation, producerView, wireDocument(producer), options)
  for (const warning of producer.warnings ?? []) {
    await say(invocation, `It could be taken for another producer: ${printable(warning)}`)
  }
}

/** Shows the project's own profile in the catalogue. */
export const showProducer = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const producer = await profileOf(service, invocation.signal)
  if (producer !== undefined) return show(invocation, producer, options)
  throw new CommandError(
    ExitCode.notFound,
    'Your project has no profile in a catalogue.',
    'Make one: vitrine producer set --handle HANDLE --name NAME',
  )
}

/** An empty text takes a value away; what is not given stays. */
const changed = (given: string | undefined, before: string | null | undefined): string | null | undefined =>
  given === undefined ? before : given === '' ? null : given

/** Makes the profile, or changes what is given of it. */
export const setProducer = async (invocation: Invocation, options: ProducerOptions): Promise<void> => {
  const { handle, name, website, contact } = options
  const { signal } = invocation
  if ([handle, name, website, contact, options.description].every((given) => given === undefined)) {
    throw usageError('Nothing to change was named.', 'See: vitrine producer set --help')
  }
  const description = options.description === undefined ? undefined : await readText(invocation, options.description)
  const { service } = await connect(invocation)
  const before = await profileOf(service, signal)
  const wanted = { handle: handle ?? before?.handle, name: name ?? before?.name }
  if (wanted.handle === undefined || wanted.name === undefined) {
    throw usageError('Your project has no profile yet; a new one needs --handle and --name.')
  }
  const attributes: ProducerAttributes = {
    handle: wanted.handle,
    name: wanted.name,
    description: changed(description, before?.description),
    website: changed(website, before?.website),
    contact: changed(contact, before?.contact),
  }
  const producer = await needsVitrine(
    invocation,
    service,
    'The catalogue is',
    service.setProducer(attributes, { signal }),
  )
  await show(invocation, producer, options)
}
