import type { JsonObject } from '@vitrine/sdk'
import { documentView, field, yesNo } from '../columns.ts'
import { connect } from '../connect.ts'
import { type Invocation, write } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import { findImage } from '../find-image.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { wireDocument } from '../wire.ts'

export interface ExplainOptions extends OutputOptions {
  project?: string
}

const answerColumns = [yesNo('see', 'See'), yesNo('list', 'List'), yesNo('download', 'Download')]
const view = documentView([field('image_id', 'Image'), field('project_id', 'Project'), ...answerColumns])
const reasonView = documentView([field('rule', 'Rule'), field('effect', 'Effect'), field('text', 'Why')])

/** Why a project may see, list and download an image, or may not: the rules that decided. */
export const explainAccess = async (
  invocation: Invocation,
  reference: string,
  options: ExplainOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const image = await findImage(service, reference, { signal })
  const explanation = await needsVitrine(
    invocation,
    service,
    'Explaining access is',
    image.explain(options.project, { signal }),
  )
  const document = wireDocument(explanation)
  if (options.format !== 'table' || options.column !== undefined)
    return writeRecord(invocation, view, document, options)
  const { reasons, ...answer } = document
  await writeRecord(invocation, view, answer, options)
  await write(invocation.out, '\n')
  const rows = explanation.reasons.map((reason): JsonObject => wireDocument(reason))
  await writeList(invocation, reasonView, rows, options)
}
