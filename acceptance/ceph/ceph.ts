import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../network.ts'
import { run, runSuccessfully } from '../process.ts'
import { waitFor } from '../wait.ts'
import { type CephDaemon, startCephDaemon } from './daemon.ts'

/** A real Ceph with one of each daemon, which keeps objects in memory, and an S3 gateway before it. */
export interface Ceph extends AsyncDisposable {
  /** Where the gateway listens, without a slash at the end. */
  readonly url: string
  /** A setting of a store in the bucket; by another way to the gateway, where one is given. */
  location(prefix: string, endpoint?: string): string
  /** All that is in the bucket, finished or not, as the gateway's own administration names it. */
  contents(): Promise<readonly string[]>
  /** Writes the bytes of all objects to a file, as they lie in the storage below the gateway. */
  exportBytes(path: string): Promise<void>
  /** Kills the gateway; what is stored stays. */
  stopGateway(): Promise<void>
  startGateway(): Promise<void>
}

const bucket = 'images'
const user = { name: 'vitrine', accessKey: 'vitrine-key', secretKey: 'vitrine-secret' }
const bytesPool = 'default.rgw.buckets.data'

interface Ports {
  readonly monitor: number
  readonly gateway: number
}

const writeConfiguration = async (folder: string, clusterId: string, ports: Ports): Promise<string> => {
  const path = join(folder, 'ceph.conf')
  for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(folder, name), { recursive: true })
  await writeFile(
    path,
    `[global]
fsid = ${clusterId}
mon_host = [v2:127.0.0.1:${ports.monitor}/0]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# Else the gateway insists on a secure connection, which needs the authentication that is off.
ms_mon_client_mode = crc
run_dir = ${folder}/run
admin_socket = ${folder}/run/$name.$pid.asok
log_file = ${folder}/log/$name.log
crash_dir = ${folder}/run
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_crush_initial_weight = 1
# One monitor has nobody to wait for.
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
[mon.a]
mon_data = ${folder}/mon
mon_data_avail_crit = 1
[osd.0]
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
[client.rgw]
rgw_data = ${folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${ports.gateway}
# What is deleted gives its memory back at once, not in two hours.
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 2
rgw_gc_processor_max_time = 30
`,
  )
  return path
}

/** Calls the gateway as its user, signed as S3 did in its first years, which is simple. */
const callGateway = async (url: string, method: string, path: string): Promise<void> => {
  const date = new Date().toUTCString()
  const signature = createHmac('sha1', user.secretKey).update(`${method}\n\n\n${date}\n${path}`).digest('base64')
  const headers = { date, authorization: `AWS ${user.accessKey}:${signature}` }
  const response = await fetch(`${url}${path}`, { method, headers })
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`)
}

const answers = async (url: string): Promise<true | undefined> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.body?.cancel()
    return response.ok || undefined
  } catch {
    return undefined
  }
}

const namesIn = (printed: string): string[] => {
  const entries: unknown = JSON.parse(printed)
  assert.ok(Array.isArray(entries))
  return entries.map((entry: unknown) => {
    assert.ok(typeof entry === 'object' && entry !== null && 'name' in entry)
    return String(entry.name)
  })
}

/** Makes a monitor and starts it, then a store for objects beside it. */
const startCluster = async (folder: string, configuration: string, clusterId: string, monitorPort: number) => {
  const ceph = (command: string, ...args: string[]) => runSuccessfully(command, ['-c', configuration, ...args])
  const map = join(folder, 'monmap')
  const daemons = new AsyncDisposableStack()
  try {
    const member = ['--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`]
    await runSuccessfully('monmaptool', ['--create', ...member, '--fsid', clusterId, map])
    await ceph('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map)
    daemons.use(await startCephDaemon(folder, 'ceph-mon', ['-c', configuration, '-i', 'a', '-f']))
    const osdId = randomUUID()
    await ceph('ceph', 'osd', 'new', osdId, '0')
    await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osdId)
    daemons.use(await startCephDaemon(folder, 'ceph-osd', ['-c', configuration, '-i', '0', '-f']))
    return daemons
  } catch (error) {
    await daemons.disposeAsync()
    throw error
  }
}

/** Starts a Ceph of its own below a folder, on 127.0.0.1, with an empty bucket. */
export const startCeph = async (dir: string): Promise<Ceph> => {
  const folder = join(dir, 'ceph')
  const clusterId = randomUUID()
  const ports = { monitor: await freePort(), gateway: await freePort() }
  const url = `http://127.0.0.1:${ports.gateway}`
  const configuration = await writeConfiguration(folder, clusterId, ports)
  const daemons = await startCluster(folder, configuration, clusterId, ports.monitor)
  const administer = (...args: string[]) =>
    runSuccessfully('radosgw-admin', ['-c', configuration, '-n', 'client.rgw', ...args])
  let gateway: CephDaemon | undefined

  const stopGateway = async (): Promise<void> => {
    await gateway?.[Symbol.asyncDispose]()
    gateway = undefined
  }
  const startGateway = async (): Promise<void> => {
    gateway = await startCephDaemon(folder, 'radosgw', ['-c', configuration, '-n', 'client.rgw', '-f'])
    await waitFor('an answer of the gateway', () => gateway?.orThrow() ?? answers(url), 60_000)
  }
  const stop = async (): Promise<void> => {
    await stopGateway()
    await daemons.disposeAsync()
  }
  try {
    const keys = ['--access-key', user.accessKey, '--secret-key', user.secretKey]
    await administer('user', 'create', '--uid', user.name, '--display-name', user.name, ...keys)
    await startGateway()
    await callGateway(url, 'PUT', `/${bucket}`)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    location: (prefix, endpoint = url) =>
      `s3://${user.accessKey}:${user.secretKey}@${bucket}/${prefix}?endpoint=${endpoint}&region=default`,
    contents: async () => namesIn(await administer('bucket', 'list', '--bucket', bucket)),
    exportBytes: async (path) => {
      // Its exit code is 1 when all went well, too, so that its word counts.
      const { stderr } = await run('rados', ['-c', configuration, '-p', bytesPool, 'export', path])
      assert.equal(stderr, '')
    },
    stopGateway,
    startGateway,
    [Symbol.asyncDispose]: stop,
  }
}
