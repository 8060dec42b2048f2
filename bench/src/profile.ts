import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** The part of a profile, as V8 writes it, that is read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly hitCount?: number
  }[]
}

const leastShown = 0.005
const root = join(import.meta.dirname, '../..')

const place = (url: string, line: number): string => {
  if (url === '') return ''
  const file = url.startsWith('file://') ? relative(root, new URL(url).pathname) : url
  return ` (${file}:${line + 1})`
}

const summarize = ({ nodes }: CpuProfile, most: number): string[] => {
  const hits = new Map<string, number>()
  let total = 0
  for (const { callFrame, hitCount = 0 } of nodes) {
    const { functionName, url, lineNumber } = callFrame
    if (functionName === '(idle)') continue
    const name = `${functionName || '(anonymous)'}${place(url, lineNumber)}`
    hits.set(name, (hits.get(name) ?? 0) + hitCount)
    total += hitCount
  }
  return [...hits]
    .sort(([, a], [, b]) => b - a)
    .filter(([, count]) => count >= total * leastShown)
    .slice(0, most)
    .map(([name, count]) => `${((count / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
}

/** Where the time of the profiled processes and their threads went, without the idle time: the functions that took most. */
export const summarizeProfiles = async (folder: string, most = 25): Promise<string> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).sort()
  const parts = names.map(async (name) => {
    const profile: CpuProfile = JSON.parse(await readFile(join(folder, name), 'utf8'))
    return [join(folder, name), ...summarize(profile, most)].join('\n')
  })
  return (await Promise.all(parts)).join('\n\n')
}
