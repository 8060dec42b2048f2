import type { ProjectSettingsDocument } from '@vitrine/contract'
import type { UsageDisclosure } from '@vitrine/contract/words'
import { record, type Shape, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'

const readSettings = record('project settings', {
  /** What producers see of this project using their images: nothing, as part of a sum, or by name. */
  usage: word<UsageDisclosure>(),
} satisfies Shape<ProjectSettingsDocument>)
export type ProjectSettings = ReturnType<typeof readSettings>

const path = ['project-settings']

export const getProjectSettings = async (api: ImageApi, options: CallOptions): Promise<ProjectSettings> =>
  readSettings(await api.call('GET', path, options))

export const setProjectSettings = async (
  api: ImageApi,
  { usage }: ProjectSettings,
  options: CallOptions,
): Promise<ProjectSettings> => readSettings(await api.call('PATCH', path, { ...options, json: { usage } }))
