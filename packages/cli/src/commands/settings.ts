import type { UsageDisclosure } from '@vitrine/sdk'
import { documentView } from '../columns.ts'
import { connect } from '../connect.ts'
import type { Invocation } from '../context.ts'
import { needsVitrine } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeRecord } from '../output/output.ts'
import { wireDocument } from '../wire.ts'

export interface SettingsOptions extends OutputOptions {
  usage?: UsageDisclosure
}

/** Shows the settings of the project, after changing what is given. */
export const projectSettings = async (
  invocation: Invocation,
  { usage, ...options }: SettingsOptions,
): Promise<void> => {
  const { signal } = invocation
  const { service } = await connect(invocation)
  const settings =
    usage === undefined ? service.getProjectSettings({ signal }) : service.setProjectSettings({ usage }, { signal })
  const document = wireDocument(await needsVitrine(invocation, service, 'Settings of a project are', settings))
  await writeRecord(invocation, documentView([]), document, options)
}
