import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from './child.ts'
import { findOrInstall } from './machine.ts'

export interface Nginx extends AsyncDisposable {
  readonly port: number
  readonly pid: number
}

/** The path of nginx, which is installed first where that is possible; else why there is none. */
export const findNginx = (say: (line: string) => void): { path: string } | { missing: string } =>
  findOrInstall('nginx', 'nginx-light', say)

const freePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: string | AddressInfo | null = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}

const settings = (folder: string, port: number, files: string): string => `
daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log warn;
events { worker_connections 256; }
http {
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; location / { alias ${files}/; } }
}
`

const answers = async (port: number): Promise<boolean> => {
  try {
    await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer()
    return true
  } catch {
    return false
  }
}

/**
 * Starts one nginx process that sends files of a folder with sendfile.
 * @param folder for its own files
 */
export const startNginx = async (
  path: string,
  { folder, files, core }: { folder: string; files: string; core: number | null },
): Promise<Nginx> => {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  await writeFile(config, settings(folder, port, files))
  const child = startChild(path, ['-p', folder, '-c', config, '-e', join(folder, 'error.log')], {
    core,
    logPath: join(folder, 'output.log'),
  })
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await answers(port)) return { port, pid: child.pid, [Symbol.asyncDispose]: child[Symbol.asyncDispose] }
    await pause(50)
  }
  await child[Symbol.asyncDispose]()
  throw new Error(`nginx does not answer; see ${existsSync(folder) ? folder : config}`)
}
