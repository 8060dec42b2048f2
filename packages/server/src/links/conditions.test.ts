import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judge, rangeCounts } from './conditions.ts'

const lastModified = Date.UTC(2026, 0, 2, 3, 4, 5)
const validators = { etag: '"sha512-ab"', lastModified }
const at = (offsetMs: number) => new Date(lastModified + offsetMs).toUTCString()

describe('conditions of requests', () => {
  it('let through what asks for nothing, or for what there is', () => {
    const passing = [
      {},
      { 'if-match': '"sha512-ab"' },
      { 'if-match': '"other", "sha512-ab"' },
      { 'if-match': '*' },
      { 'if-none-match': '"other"' },
      { 'if-unmodified-since': at(0) },
      { 'if-unmodified-since': 'yesterday' },
      { 'if-modified-since': at(-1000) },
      // A tag is asked before a date.
      { 'if-match': '"sha512-ab"', 'if-unmodified-since': at(-1000) },
      { 'if-none-match': '"other"', 'if-modified-since': at(0) },
    ]
    for (const headers of passing) assert.equal(judge(headers, validators), 'go', JSON.stringify(headers))
  })

  it('fail for other bytes', () => {
    // The comparison of If-Match is strong: a weak tag is never the same.
    for (const tag of ['"other"', 'W/"sha512-ab"', 'sha512-ab', '']) {
      assert.equal(judge({ 'if-match': tag }, validators), 'failed', tag)
    }
    assert.equal(judge({ 'if-unmodified-since': at(-1000) }, validators), 'failed')
  })

  it('tell what the client has already', () => {
    for (const tag of ['"sha512-ab"', 'W/"sha512-ab"', '"other", "sha512-ab"', '*']) {
      assert.equal(judge({ 'if-none-match': tag }, validators), 'known', tag)
    }
    for (const offsetMs of [0, 1000]) assert.equal(judge({ 'if-modified-since': at(offsetMs) }, validators), 'known')
  })

  it('send a part only to who has the other parts of the same', () => {
    for (const same of [undefined, '"sha512-ab"', at(0)]) {
      assert.ok(rangeCounts({ 'if-range': same }, validators), same)
    }
    for (const other of ['"other"', 'W/"sha512-ab"', at(1000), at(-1000), 'yesterday', '', ['"sha512-ab"']]) {
      assert.ok(!rangeCounts({ 'if-range': other }, validators), String(other))
    }
  })
})
