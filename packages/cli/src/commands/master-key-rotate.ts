import { type Context, say } from '../context.ts'

export interface RotateMasterKeyOptions {
  data?: string
  config?: string
}

/** Puts a new master key before the others of the service, in its file. */
export const rotateMasterKey = async (context: Context, options: RotateMasterKeyOptions): Promise<void> => {
  const { rotateMasterKey: rotate } = await import('@vitrine/server')
  const { environment } = context
  const path = await rotate({ environment, data: options.data, configPath: options.config })
  await say(
    context,
    `${path} has a new master key before the former ones. Back it up, then restart the service: it seals everything anew, and its log says when the former lines can be removed.`,
  )
}
