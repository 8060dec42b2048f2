import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ByteWriter, StoreError } from '../storage/port.ts'
import { readAll } from '../storage/store-contract.ts'
import {
  borderSizes,
  chunksOf,
  collect,
  damaged,
  newDataKey,
  open,
  openAll,
  StoredBytes,
  seal,
} from '../testing/sealed-bytes.ts'
import { chunkBytes, resumedKey, sealedChunkBytes, sealedSizeOf, tagBytes } from './chunks.ts'
import { openSealed } from './sealed-reader.ts'
import { type SealedProgress, sealedWriter } from './sealed-writer.ts'

const anySize = fc.oneof(fc.constantFrom(...borderSizes), fc.nat(7 * chunkBytes))

describe('sealed bytes', () => {
  for (const sizeBytes of borderSizes) {
    it(`of ${sizeBytes} bytes come back, and take the room that was said`, async () => {
      const key = newDataKey()
      const bytes = randomBytes(sizeBytes)
      const stored = await seal(key, bytes)
      assert.equal(stored.length, sealedSizeOf(sizeBytes))
      assert.ok((await openAll(key, stored, sizeBytes)).equals(bytes))
    })
  }

  it('do not depend on how they were cut into writes', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.array(fc.nat(3 * chunkBytes), { maxLength: 12 }), async (sizeBytes, lengths) => {
        const key = newDataKey()
        const bytes = randomBytes(sizeBytes)
        const parts: Uint8Array[] = []
        let at = 0
        for (const length of [...lengths, bytes.length]) {
          parts.push(bytes.subarray(at, at + length))
          at += length
        }
        assert.ok((await seal(key, ...parts)).equals(await seal(key, bytes)))
      }),
      { numRuns: 60 },
    )
  })

  it('are read at any place, in any order, also at the same time', async () => {
    const key = newDataKey()
    const reads = fc.array(fc.tuple(anySize, anySize), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(anySize, reads, fc.boolean(), async (sizeBytes, places, atOnce) => {
        const bytes = randomBytes(sizeBytes)
        const reader = await open(key, await seal(key, bytes), sizeBytes)
        const readOne = async ([position, length]: readonly [number, number]) => {
          const into = Buffer.alloc(length, 0xaa)
          const expected = bytes.subarray(position, position + length)
          assert.equal(await reader.read(into, position), expected.length)
          assert.ok(into.subarray(0, expected.length).equals(expected))
          assert.ok(into.subarray(expected.length).every((byte) => byte === 0xaa))
        }
        await readOne([0, sizeBytes])
        if (atOnce) await Promise.all(places.map(readOne))
        else for (const place of places) await readOne(place)
      }),
      { numRuns: 60 },
    )
  })

  it('are opened once each when they are read in order in pieces that fit no chunk', async () => {
    const key = newDataKey()
    const bytes = randomBytes(3 * chunkBytes)
    const stored = new StoredBytes(await seal(key, bytes))
    const reader = await openSealed(stored, key, bytes.length)
    assert.ok((await readAll(reader, 4096 + 1)).equals(bytes))
    assert.equal(stored.reads, 3)
  })

  it('are alike in nothing for two keys, and show nothing of what they were', async () => {
    const bytes = Buffer.alloc(2 * chunkBytes)
    const [one, other] = [await seal(newDataKey(), bytes), await seal(newDataKey(), bytes)]
    assert.equal(one.indexOf(Buffer.alloc(8)), -1)
    const [first, second] = chunksOf(one)
    assert.ok(first && second && !first.equals(second))
    assert.ok(!one.subarray(0, 16).equals(other.subarray(0, 16)))
  })

  it('are taken in shared memory, which is free again after each write', async () => {
    const key = newDataKey()
    const shared = new Uint8Array(new SharedArrayBuffer(chunkBytes + 1000))
    const { writer, stored } = collect()
    const sealed = sealedWriter(writer, key)
    for (const value of [1, 2, 3]) {
      shared.fill(value)
      await sealed.write(shared)
    }
    shared.fill(0)
    await sealed.commit()
    const expected = Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(shared.length, value)))
    assert.ok((await openAll(key, stored(), expected.length)).equals(expected))
  })

  it('are not affected by what becomes of the memory of the key', async () => {
    const key = newDataKey()
    const [forWriting, forReading] = [Buffer.from(key), Buffer.from(key)]
    const { writer, stored } = collect()
    const sealed = sealedWriter(writer, forWriting)
    forWriting.fill(0)
    await sealed.write(Buffer.from('secret'))
    await sealed.commit()
    const reader = await openSealed(new StoredBytes(stored()), forReading, 6)
    forReading.fill(0)
    assert.equal((await readAll(reader)).toString(), 'secret')
  })

  it('need a key of 256 bits', async () => {
    for (const length of [0, 16, 31, 33]) {
      assert.throws(() => sealedWriter(collect().writer, new Uint8Array(length)), RangeError)
      await assert.rejects(open(new Uint8Array(length), new Uint8Array(tagBytes), 0), RangeError)
    }
  })
})

describe('a sealed writer', () => {
  it('commits and aborts what it writes to', async () => {
    const committed = collect()
    const writer = sealedWriter(committed.writer, newDataKey())
    await writer.commit()
    await writer.abort()
    assert.deepEqual(committed.calls, ['commit', 'abort'])
    const aborted = collect()
    const other = sealedWriter(aborted.writer, newDataKey())
    await other.write(randomBytes(10))
    await other.abort()
    assert.deepEqual(aborted.calls, ['abort'])
    assert.equal(aborted.parts.length, 0)
  })

  it('holds back no more than a chunk', async () => {
    const { writer, stored } = collect()
    const sealed = sealedWriter(writer, newDataKey())
    await sealed.write(randomBytes(10 * chunkBytes))
    assert.equal(stored().length, 9 * sealedChunkBytes)
    await sealed.write(randomBytes(1))
    assert.equal(stored().length, 10 * sealedChunkBytes)
  })

  it('fails as the store does, at a write and at the commit', async () => {
    const full = new StoreError('full', 'no room')
    const writer: ByteWriter = {
      write: () => Promise.reject(full),
      commit: async () => assert.fail('nothing was written'),
      abort: async () => {},
    }
    await assert.rejects(sealedWriter(writer, newDataKey()).write(randomBytes(2 * chunkBytes)), full)
    const late = sealedWriter(writer, newDataKey())
    await late.write(randomBytes(10))
    await assert.rejects(late.commit(), full)
  })
})

describe('a sealed write that was stopped', () => {
  /** What is stored of the first bytes, and how the write stood. */
  const begin = async (key: Uint8Array, bytes: Uint8Array): Promise<{ stored: Buffer; progress: SealedProgress }> => {
    const { writer, stored } = collect()
    const sealed = sealedWriter(writer, key)
    await sealed.write(bytes)
    return { stored: stored(), progress: sealed.progress() }
  }
  const goOn = async (key: Uint8Array, from: Awaited<ReturnType<typeof begin>>, bytes: Uint8Array): Promise<Buffer> => {
    const { writer, stored } = collect()
    const sealed = sealedWriter(writer, key, from.progress)
    await sealed.write(bytes)
    await sealed.commit()
    return Buffer.concat([
      from.stored.subarray(0, (from.progress.sealedBytes / chunkBytes) * sealedChunkBytes),
      stored(),
    ])
  }

  it('goes on to the same bytes, wherever it stopped', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.nat(), async (sizeBytes, anyCut) => {
        const key = newDataKey()
        const bytes = randomBytes(sizeBytes)
        const cut = anyCut % (sizeBytes + 1)
        const first = await begin(key, bytes.subarray(0, cut))
        assert.equal(first.progress.sealedBytes + first.progress.held.length, cut)
        assert.ok((await goOn(key, first, bytes.subarray(cut))).equals(await seal(key, bytes)))
      }),
      { numRuns: 60 },
    )
  })

  it('never seals two texts in one way when it goes on where it had sealed before', async () => {
    const key = newDataKey()
    const [one, other] = [randomBytes(4 * chunkBytes), randomBytes(4 * chunkBytes)]
    const before = await seal(key, one)
    // Only the first chunk is known to be there; the others were sealed, and are thrown away.
    const known = { stored: before, progress: { sealedBytes: chunkBytes, held: new Uint8Array() } }
    const next = resumedKey(key, 1)
    const after = await goOn(next, known, other.subarray(chunkBytes))
    const whole = Buffer.concat([one.subarray(0, chunkBytes), other.subarray(chunkBytes)])
    assert.ok((await openAll(next, after, whole.length)).equals(whole))
    // With one stream of key twice, the difference of the texts would show in that of the ciphertexts.
    for (const [index, chunk] of chunksOf(after).entries()) {
      const old = chunksOf(before)[index]
      assert.ok(old)
      const at = index * chunkBytes
      const isSame = (place: number) =>
        ((chunk[place] ?? 0) ^ (old[place] ?? 0)) === ((one[at + place] ?? 0) ^ (whole[at + place] ?? 0))
      const same = Array.from({ length: 256 }, (_, place) => place).filter(isSame).length
      assert.ok(index === 0 ? same === 256 : same < 20, `chunk ${index}`)
    }
    const again = resumedKey(next, 1)
    assert.equal(again.length, key.length + 16)
    await assert.rejects(openAll(key, after, whole.length), damaged)
    await assert.rejects(openAll(again, after, whole.length), damaged)
  })

  it('goes on after whole chunks only', () => {
    const { writer } = collect()
    for (const progress of [
      { sealedBytes: 1, held: new Uint8Array() },
      { sealedBytes: 0, held: new Uint8Array(chunkBytes + 1) },
    ]) {
      assert.throws(() => sealedWriter(writer, newDataKey(), progress), RangeError)
    }
  })
})

describe('a sealed reader', () => {
  it('closes what it reads from, also when it cannot be opened', async () => {
    const key = newDataKey()
    const stored = new StoredBytes(await seal(key, Buffer.from('x')))
    const reader = await openSealed(stored, key, 1)
    await reader.close()
    await reader.close()
    assert.ok(stored.closes >= 1)
    const wrong = new StoredBytes(stored.bytes)
    await assert.rejects(openSealed(wrong, key, 2), damaged)
    assert.equal(wrong.closes, 1)
  })

  it('passes on the failure of the store as it is', async () => {
    const key = newDataKey()
    const stored = new StoredBytes(await seal(key, Buffer.from('x')))
    const gone = new StoreError('unavailable', 'gone')
    stored.read = () => Promise.reject(gone)
    const reader = await openSealed(stored, key, 1)
    await assert.rejects(reader.read(Buffer.alloc(1), 0), gone)
  })

  it('finds an object that was cut short while it was open', async () => {
    const key = newDataKey()
    const bytes = randomBytes(2 * chunkBytes)
    const stored = new StoredBytes(await seal(key, bytes))
    const reader = await openSealed(stored, key, bytes.length)
    assert.equal(await reader.read(Buffer.alloc(chunkBytes), 0), chunkBytes)
    stored.read = async () => 0
    await assert.rejects(reader.read(Buffer.alloc(10), 0), damaged)
  })

  it('gives out nothing of a chunk before that is known to be right', async () => {
    const key = newDataKey()
    const bytes = Buffer.alloc(chunkBytes, 0x55)
    const stored = await seal(key, bytes)
    stored[chunkBytes - 1] = (stored[chunkBytes - 1] ?? 0) ^ 1
    const reader = await open(key, stored, bytes.length)
    const into = Buffer.alloc(100)
    await assert.rejects(reader.read(into, 0), damaged)
    assert.ok(into.every((byte) => byte === 0))
  })
})
