import { once } from 'node:events'
import { join } from 'node:path'
import { type Context, say, write } from '../context.ts'

export interface ServeOptions {
  listen?: string
  data?: string
  config?: string
  demo?: boolean
}

const demoHints = (data: string): string => `
Try it in another terminal:

  export OS_CLIENT_CONFIG_FILE=${join(data, 'clouds.yaml')}
  vitrine whoami --cloud consumer -f value -c project_id
  vitrine image create my-image --cloud producer --file disk.qcow2
  vitrine share my-image PROJECT_ID --cloud producer
  vitrine inbox --cloud consumer
  vitrine accept my-image --cloud consumer

Ctrl-C stops the service.`

/** Runs the service until the user, or the system, stops it. */
export const serve = async (context: Context, options: ServeOptions): Promise<void> => {
  const { startServer } = await import('@vitrine/server')
  const { signal, environment } = context
  const server = await startServer({
    listen: options.listen,
    data: options.data,
    configPath: options.config,
    demo: options.demo === true,
    environment,
  })
  try {
    await write(context.out, `Vitrine listens on ${server.url}\n`)
    if (options.demo === true) await say(context, demoHints(server.data))
    if (!signal.aborted) await once(signal, 'abort')
    await say(context, 'Stopping ...')
  } finally {
    // Also when nobody reads what is said any more.
    await server.close()
  }
}
