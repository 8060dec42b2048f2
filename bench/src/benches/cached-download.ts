import type { Lab, Running } from '../lab.ts'
import type { Transfer } from '../load-job.ts'
import type { Row } from '../report.ts'
import { medianOf, percent, rangeOf, ratioOf, type Samples, takeTurns } from '../rounds.ts'
import { putBare, type S3, sdkSeconds, startS3 } from '../s3.ts'
import { noImages } from '../seed.ts'
import { downloadOf, gibibyte, repeating, size, transfer, uploadNew } from './transfers.ts'

/** The S3 server keeps all in memory. */
const sizeBytes = 256 * 1024 ** 2
const target = 0.8
const roundMs = 1500

/** A service with a store in a folder and one in S3. */
const serve = (lab: Lab, s3: S3, name: string, cacheBytes: number): Promise<Running> =>
  lab.serveFilled(noImages(`s3-${name}`), {
    core: lab.cores.measured,
    settings: {
      stores: `far=${s3.location(name)},near=file://${lab.folder}/near-${name}`,
      cache_size_bytes: cacheBytes,
    },
  })

const downloadFrom = async (lab: Lab, service: Running, store: 'far' | 'near'): Promise<Transfer> => {
  const { id } = await uploadNew(lab, service, sizeBytes, 'plain', store)
  return downloadOf(id, service.producer, sizeBytes)
}

/** Of a cache that has room for one of two images that are read in turn, each read finds the other. */
const alternating = ([one, other]: readonly [Transfer, Transfer]): (() => Transfer) => {
  let isFirst = false
  return () => {
    isFirst = !isFirst
    return isFirst ? one : other
  }
}

const rowOf = (samples: Samples, name: string, floor: string, goal: number | null, notes: readonly string[]): Row => {
  const ratio = ratioOf(samples, name, floor)
  const work = (one: string) => {
    const cpu = (medianOf(samples, one, 'cpuSecondsEach') * gibibyte) / 1e9
    return `${one} ${percent(medianOf(samples, one, 'busy'))} busy, ${cpu.toFixed(2)} s of processor time for each GiB`
  }
  return {
    name,
    ours: { value: medianOf(samples, name, 'perSecond'), unit: 'GB/s' },
    floor: { value: medianOf(samples, floor, 'perSecond'), unit: 'GB/s', what: floor },
    ratio,
    target: goal === null ? null : `>= ${goal}`,
    met: goal === null ? null : ratio >= goal,
    notes: [
      floor === 'SDK alone' ? work(name) : `${work(name)}; ${work(floor)}`,
      rangeOf(samples, name, floor),
      ...notes,
    ],
  }
}

/** Downloads of an image that is in S3: from its copy on the machine, and from there; against a folder, and against S3 itself. */
export const cachedDownload = async (lab: Lab): Promise<Row[]> => {
  await using s3 = await startS3(lab.cores.load)
  await using caching = await serve(lab, s3, 'caching', 4 * sizeBytes)
  await using forgetful = await serve(lab, s3, 'forgetful', 1.5 * sizeBytes)
  await using plain = await serve(lab, s3, 'plain', 0)
  const bare = await putBare(s3, sizeBytes)
  const near = await downloadFrom(lab, caching, 'near')
  const cached = await downloadFrom(lab, caching, 'far')
  // The first download makes the copy.
  await transfer(lab, caching.port, cached)
  const uncached = await downloadFrom(lab, plain, 'far')
  const both = [await downloadFrom(lab, forgetful, 'far'), await downloadFrom(lab, forgetful, 'far')] as const
  const fromCache = `download of ${size(sizeBytes)} from the cache`
  const fromS3 = `download of ${size(sizeBytes)} from S3`
  const filling = 'the same, that fills the cache'
  const samples = await takeTurns(
    [
      repeating(lab, 'folder', caching, near),
      repeating(lab, fromCache, caching, cached),
      repeating(lab, 'plain sockets', { pid: null, port: s3.port }, bare),
      {
        name: 'SDK alone',
        pid: null,
        run: async () => ({
          count: sizeBytes / 1e9,
          seconds: await sdkSeconds(s3, 'download', sizeBytes, lab.cores.measured),
        }),
      },
      repeating(lab, fromS3, plain, uncached),
      repeating(lab, filling, forgetful, alternating(both)),
    ],
    { warmUpMs: 500, rounds: 6, roundMs },
  )
  return [
    rowOf(samples, fromCache, 'folder', target, ['one connection at a time, from the memory of the system']),
    rowOf(samples, fromS3, 'SDK alone', null, [
      `the S3 server of the tests shares the core of the client; reading from it with plain sockets comes to ` +
        `${medianOf(samples, 'plain sockets', 'perSecond').toFixed(2)} GB/s, the rest is what the HTTP client of Node costs`,
    ]),
    rowOf(samples, filling, fromS3, null, ['each download writes a copy to the disk, and another copy goes']),
  ]
}
