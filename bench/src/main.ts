import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { approve } from './benches/approve.ts'
import { cachedDownload } from './benches/cached-download.ts'
import { catalogue } from './benches/catalogue.ts'
import { download } from './benches/download.ts'
import { inbox } from './benches/inbox.ts'
import { inspect } from './benches/inspect.ts'
import { linkDownload } from './benches/link-download.ts'
import { list } from './benches/list.ts'
import { members } from './benches/members.ts'
import { membership } from './benches/membership.ts'
import { memory, sealedMemory } from './benches/memory.ts'
import { notices } from './benches/notices.ts'
import { rotation } from './benches/rotation.ts'
import { s3Upload } from './benches/s3-upload.ts'
import { sealedDownload } from './benches/sealed-download.ts'
import { sealedList } from './benches/sealed-list.ts'
import { sealedReads } from './benches/sealed-reads.ts'
import { sealedShares } from './benches/sealed-shares.ts'
import { sealedUpload } from './benches/sealed-upload.ts'
import { show } from './benches/show.ts'
import { tusUpload } from './benches/tus-upload.ts'
import { upload } from './benches/upload.ts'
import { createLab, type Lab } from './lab.ts'
import { startLoadClient } from './load-client.ts'
import { chooseCores, describeMachine } from './machine.ts'
import { summarizeProfiles } from './profile.ts'
import { type Row, renderRows } from './report.ts'
import { defaultEntry } from './service.ts'

const benches: ReadonlyMap<string, (lab: Lab) => Promise<Row[]>> = new Map([
  ['show', show],
  ['list', list],
  ['membership', membership],
  ['members', members],
  ['catalogue', catalogue],
  ['inbox', inbox],
  ['approve', approve],
  ['notices', notices],
  ['download', download],
  ['upload', upload],
  ['tus-upload', tusUpload],
  ['link-download', linkDownload],
  ['cached-download', cachedDownload],
  ['s3-upload', s3Upload],
  ['inspect', inspect],
  ['memory', memory],
  ['sealed-upload', sealedUpload],
  ['sealed-download', sealedDownload],
  ['sealed-reads', sealedReads],
  ['sealed-shares', sealedShares],
  ['sealed-list', sealedList],
  ['rotation', rotation],
  ['sealed-memory', sealedMemory],
])

const usage = `Usage: npm run bench -- [names] [options]

Names: ${[...benches.keys()].join(', ')} (default: all, in this order)

  --json FILE       also write the results there
  --work FOLDER     keep files in a new folder in this one; it must be on the disk that is to be measured
  --service FILE    start this service instead, called as FILE serve --demo --listen ADDRESS --data FOLDER
  --cpu-prof DIR    write profiles of the service there, and print where its time went
  --help            print this`

const write = (text: string): void => {
  process.stdout.write(`${text}\n`)
}
const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const options = () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      work: { type: 'string' },
      service: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const unknown = positionals.filter((name) => !benches.has(name))
  if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(', ')}.\n\n${usage}`)
  return {
    ...values,
    names: [...benches.keys()].filter((name) => positionals.length === 0 || positionals.includes(name)),
  }
}

const runAll = async (lab: Lab, names: readonly string[]): Promise<Row[]> => {
  const rows: Row[] = []
  for (const name of names) {
    say(`${name} ...`)
    rows.push(...((await benches.get(name)?.(lab)) ?? []))
  }
  return rows
}

const main = async (): Promise<void> => {
  const { json, work, service, 'cpu-prof': profiles, help, names } = options()
  if (help) {
    write(usage)
    return
  }
  const machine = describeMachine()
  const cores = chooseCores()
  // Not the system's folder for temporary files: that is often in memory, and no disk.
  const parent = resolve(work ?? join(import.meta.dirname, '../../node_modules/.cache/vitrine-bench'))
  await mkdir(parent, { recursive: true })
  const folder = await mkdtemp(join(parent, 'run-'))
  const started = performance.now()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true })
      process.exit(1)
    })
  }
  try {
    await using load = startLoadClient(cores.load)
    const entry = resolve(service ?? defaultEntry)
    const lab = createLab({ cores, load, folder, say, entry, profiles: profiles && resolve(profiles) })
    const rows = await runAll(lab, names)
    const { cpu, memoryGiB, system, node, commit, loadBefore } = machine
    write(`\nVitrine ${commit}, Node ${node}, ${machine.cores} x ${cpu}, ${memoryGiB} GiB, ${system}`)
    write(`${cores.described}; load of the machine before: ${loadBefore}\n`)
    if (profiles !== undefined) write('The service was being profiled, which slows it: these are no results.\n')
    write(renderRows(rows))
    write(`\n${((performance.now() - started) / 1000).toFixed(0)} s in all. Medians of rounds that took turns.`)
    if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine, cores, rows }, null, 2)}\n`)
    if (profiles !== undefined) write(`\n${await summarizeProfiles(resolve(profiles))}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
