import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { borderSizes, chunksOf, damaged, newDataKey, open, openAll, seal } from '../testing/sealed-bytes.ts'
import { chunkBytes, sealedChunkBytes, tagBytes } from './chunks.ts'

describe('stored bytes that were tampered with are damaged', () => {
  it('for every bit of a small object', async () => {
    const key = newDataKey()
    const stored = await seal(key, Buffer.from('an image'))
    for (let bit = 0; bit < stored.length * 8; bit += 1) {
      const changed = Buffer.from(stored)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await assert.rejects(openAll(key, changed, 8), damaged, `bit ${bit}`)
    }
  })

  it('for every byte of one with two chunks, in the chunk and in no other', async () => {
    const key = newDataKey()
    const bytes = randomBytes(chunkBytes + 10)
    const stored = await seal(key, bytes)
    const into = Buffer.alloc(1)
    for (let at = 0; at < stored.length; at += 1) {
      const before = stored[at] ?? 0
      stored[at] = before ^ 0x80
      const reader = await open(key, stored, bytes.length)
      const isFirst = at < sealedChunkBytes
      await assert.rejects(reader.read(into, isFirst ? 0 : chunkBytes), damaged, `byte ${at}`)
      if (!isFirst) assert.equal(await reader.read(into, 0), 1)
      stored[at] = before
    }
  })

  it('for the tag of an object without bytes', async () => {
    const key = newDataKey()
    const stored = await seal(key)
    assert.equal(stored.length, tagBytes)
    await assert.rejects(open(key, Buffer.alloc(tagBytes), 0), damaged)
    await assert.rejects(open(newDataKey(), stored, 0), damaged)
  })

  it('for every length but the right one', async () => {
    const key = newDataKey()
    for (const sizeBytes of borderSizes) {
      const stored = await seal(key, randomBytes(sizeBytes))
      const lengths = [0, tagBytes, stored.length - 1, stored.length + 1, stored.length - tagBytes]
      for (const length of [...lengths, stored.length - sealedChunkBytes, stored.length + sealedChunkBytes]) {
        if (length < 0 || length === stored.length) continue
        const changed = Buffer.alloc(length)
        stored.copy(changed)
        await assert.rejects(open(key, changed, sizeBytes), damaged, `${length} bytes instead of ${stored.length}`)
      }
    }
  })

  it('when chunks are left out at the end, even if the recorded size says so too', async () => {
    const key = newDataKey()
    const stored = await seal(key, randomBytes(3 * chunkBytes + 5))
    for (const chunks of [1, 2, 3]) {
      const reader = await open(key, stored.subarray(0, chunks * sealedChunkBytes), chunks * chunkBytes)
      await assert.rejects(reader.read(Buffer.alloc(1), chunks * chunkBytes - 1), damaged)
    }
    await assert.rejects(open(key, stored.subarray(0, tagBytes), 0), damaged)
  })

  it('when chunks follow the end, even if the recorded size says so too', async () => {
    const key = newDataKey()
    for (const sizeBytes of [chunkBytes, 2 * chunkBytes]) {
      const stored = await seal(key, randomBytes(sizeBytes))
      const last = stored.subarray(-sealedChunkBytes)
      for (const more of [last, last.subarray(0, 100), Buffer.alloc(tagBytes + 1)]) {
        const longer = Buffer.concat([stored, more])
        const longerBytes = sizeBytes + more.length - tagBytes
        const reader = await open(key, longer, longerBytes)
        await assert.rejects(reader.read(Buffer.alloc(1), sizeBytes - 1), damaged)
        await assert.rejects(reader.read(Buffer.alloc(1), longerBytes - 1), damaged)
      }
    }
  })

  it('when two chunks change places, or one stands in for another', async () => {
    const key = newDataKey()
    const bytes = randomBytes(4 * chunkBytes)
    const chunks = chunksOf(await seal(key, bytes))
    for (const to of chunks.keys()) {
      for (const [from, chunk] of chunks.entries()) {
        if (from === to) continue
        const swapped = chunks.with(to, chunk)
        const replaced = chunks[to]
        if (replaced !== undefined) swapped[from] = replaced
        for (const changed of [chunks.with(to, chunk), swapped]) {
          const reader = await open(key, Buffer.concat(changed), bytes.length)
          await assert.rejects(reader.read(Buffer.alloc(1), to * chunkBytes), damaged)
        }
      }
    }
  })

  it('when they come from another object, or are opened with the key of another', async () => {
    const [key, otherKey] = [newDataKey(), newDataKey()]
    const bytes = randomBytes(2 * chunkBytes)
    const stored = await seal(key, bytes)
    const others = await seal(otherKey, bytes)
    await assert.rejects(openAll(key, others, bytes.length), damaged)
    await assert.rejects(openAll(otherKey, stored, bytes.length), damaged)
    const mixed = Buffer.concat([stored.subarray(0, sealedChunkBytes), others.subarray(sealedChunkBytes)])
    const reader = await open(key, mixed, bytes.length)
    assert.equal(await reader.read(Buffer.alloc(chunkBytes), 0), chunkBytes)
    await assert.rejects(reader.read(Buffer.alloc(1), chunkBytes), damaged)
  })

  it('wherever a larger object is changed', async () => {
    const key = newDataKey()
    const bytes = randomBytes(5 * chunkBytes + 77)
    const stored = await seal(key, bytes)
    await fc.assert(
      fc.asyncProperty(fc.nat(stored.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(stored)
        changed[at] = (changed[at] ?? 0) ^ change
        await assert.rejects(openAll(key, changed, bytes.length), damaged)
      }),
      { numRuns: 100 },
    )
  })
})
