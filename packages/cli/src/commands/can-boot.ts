import type { CanBoot, JsonObject } from '@vitrine/sdk'
import { documentView, field, yesNo } from '../columns.ts'
import { ToldError } from '../command-error.ts'
import { connect } from '../connect.ts'
import { type Invocation, say, write } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { printable } from '../text.ts'
import { wireDocument } from '../wire.ts'

export interface CanBootOptions extends OutputOptions {
  project?: string
  disk?: number
  ram?: number
  ifShared?: boolean
}

const view = documentView([field('image_id', 'Image'), field('project_id', 'Project'), yesNo('can_boot', 'Can boot')])
const reasonView = documentView(
  [field('rule', 'Rule'), field('effect', 'Effect'), field('text', 'Why')],
  [field('next', 'What to do')],
)

/** What there is to do, which has no room in a row. */
const nextOf = (reasons: CanBoot['reasons']): string[] =>
  reasons.flatMap(({ effect, next }) => (effect === 'denies' && next !== null ? [printable(next)] : []))

/** Tells whether a project could boot an image now, and why; ends with `denied` when it could not. */
export const showCanBoot = async (
  invocation: Invocation,
  reference: string,
  { project, disk, ram, ifShared, ...options }: CanBootOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const question = { project, diskGib: disk, ramMib: ram, ifShared }
  const told = image.canBoot(question, { signal })
  const answer = await needsVitrine(invocation, service, 'Telling whether an image can boot is', told)
  const { reasons, ...rest } = wireDocument(answer)
  if (options.format !== 'table' || options.column !== undefined) {
    await writeRecord(invocation, view, { ...rest, reasons: reasons ?? [] }, options)
  } else {
    await writeRecord(invocation, view, rest, options)
    await write(invocation.out, '\n')
    await writeList(
      invocation,
      reasonView,
      answer.reasons.map((reason): JsonObject => wireDocument(reason)),
      options,
    )
  }
  if (options.format === 'table') for (const line of nextOf(answer.reasons)) await say(invocation, line)
  if (!answer.canBoot) throw new ToldError(ExitCode.denied)
}
