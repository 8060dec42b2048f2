/**
 * Inspects as many bytes as asked, from memory, in the pieces that a connection brings, and prints the seconds. The argument
 * after the number is what they are: a disk of an inspected format, a raw disk, or an archive of many files.
 */
import { randomBytes } from 'node:crypto'
import { createContentCheck } from '../../packages/server/src/inspect/check.ts'
import { qcow2 } from '../../packages/server/src/inspect/handmade.ts'
import { tarEntry } from '../../packages/server/src/inspect/handmade-archive.ts'

const pieceBytes = 64 * 1024
const [size = '0', kind = 'qcow2'] = process.argv.slice(2)
const sizeBytes = Number(size)
const noise = randomBytes(pieceBytes)

/** A thousand files in an archive of that size, the most there may be. */
function* archive(): Iterable<Uint8Array> {
  const fileBytes = Math.floor(sizeBytes / 1000 / pieceBytes) * pieceBytes
  for (let index = 0; index < 1000; index += 1) {
    yield tarEntry([`file-${index}`, Buffer.alloc(0), { sizeField: `${fileBytes.toString(8).padStart(11, '0')}\0` }])
    for (let left = fileBytes; left > 0; left -= pieceBytes) yield noise
  }
}

function* disk(first: Uint8Array): Iterable<Uint8Array> {
  yield first
  for (let left = sizeBytes - first.byteLength; left > 0; left -= pieceBytes) yield noise
}

const run = (): void => {
  const isArchive = kind === 'ova'
  const check = createContentCheck({
    diskFormat: kind === 'raw' ? 'raw' : 'qcow2',
    containerFormat: isArchive ? 'ova' : 'bare',
    enforce: true,
    virtualSizeLimitBytes: -1,
  })
  for (const piece of isArchive ? archive() : disk(kind === 'raw' ? noise : qcow2())) {
    check.push(piece)
    const why = check.refusal()
    if (why !== undefined) throw new Error(why)
  }
  const verdict = check.finish()
  if (!verdict.accepted) throw new Error(verdict.why)
}

run()
const started = performance.now()
run()
process.stdout.write(`took ${(performance.now() - started) / 1000}\n`)
