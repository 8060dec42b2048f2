import { once } from 'node:events'
import { createServer } from 'node:http'
import { portOf } from './network.ts'

/** A web server with files to import. */
export interface WebContent extends AsyncDisposable {
  readonly port: number
  /** Serves these bytes. @returns their address */
  serve(name: string, bytes: Uint8Array): string
}

export const startWebContent = async (): Promise<WebContent> => {
  const files = new Map<string, Uint8Array>()
  const server = createServer((request, response) => {
    const bytes = files.get(request.url ?? '')
    if (bytes === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port = portOf(server)
  return {
    port,
    serve: (name, bytes) => {
      files.set(`/${name}`, bytes)
      return `http://127.0.0.1:${port}/${name}`
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The settings of a service that may import from there. */
export const importingFrom = ({ port }: { readonly port: number }): Readonly<Record<string, string>> => ({
  VITRINE_IMPORT_ALLOW: '127.0.0.1/32',
  VITRINE_IMPORT_PORTS_ALLOWED: String(port),
})
