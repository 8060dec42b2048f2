/**
 * Hashes as many bytes as asked, from memory, with each algorithm in a thread of its own, and prints the seconds from
 * the first byte to the last digest.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Span {
  readonly from: number
  readonly to: number
}

/** Threads have clocks of their own; this one is common to all. */
const now = (): number => performance.timeOrigin + performance.now()

const hash = (algorithm: string, sizeBytes: number): Span => {
  const chunk = randomBytes(1024 * 1024)
  const running = createHash(algorithm)
  const from = now()
  for (let left = sizeBytes; left > 0; left -= chunk.length) running.update(chunk.subarray(0, left))
  running.digest('hex')
  return { from, to: now() }
}

if (isMainThread) {
  const [size = '0', ...algorithms] = process.argv.slice(2)
  const spans = await Promise.all(
    algorithms.map(async (algorithm): Promise<Span> => {
      const worker = new Worker(new URL(import.meta.url), { workerData: [algorithm, Number(size)] })
      const [span] = await once(worker, 'message')
      return span
    }),
  )
  const from = Math.min(...spans.map((span) => span.from))
  const to = Math.max(...spans.map((span) => span.to))
  process.stdout.write(`took ${(to - from) / 1000}\n`)
} else {
  const [algorithm, sizeBytes]: [string, number] = workerData
  parentPort?.postMessage(hash(algorithm, sizeBytes))
}
