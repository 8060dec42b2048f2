import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iconMaxBytes, iconMediaType } from './icons.ts'
import { jpegIcon, pngIcon, webpIcon } from './testing.ts'

test('an icon is told by its bytes', () => {
  assert.equal(iconMediaType(pngIcon(64, 64)).mediaType, 'image/png')
  assert.equal(iconMediaType(jpegIcon(64, 64)).mediaType, 'image/jpeg')
  for (const kind of ['VP8 ', 'VP8L', 'VP8X'] as const) {
    assert.equal(iconMediaType(webpIcon(kind, 64, 64)).mediaType, 'image/webp')
  }
})

test('an icon that is too large to look at is refused', () => {
  for (const icon of [
    pngIcon(1025, 1),
    pngIcon(1, 1025),
    pngIcon(0, 1),
    jpegIcon(2000, 10),
    webpIcon('VP8X', 10, 4000),
  ]) {
    assert.throws(() => iconMediaType(icon), /at most 1024/)
  }
  assert.doesNotThrow(() => iconMediaType(pngIcon(1024, 1024)))
  assert.throws(() => iconMediaType(Buffer.concat([pngIcon(8, 8), Buffer.alloc(iconMaxBytes)])), /larger than/)
})

test('icons that are HTML, SVG or cut short are refused', () => {
  const texts = [
    '<html><script>alert(1)</script>',
    '<svg xmlns="http://www.w3.org/2000/svg"/>',
    '<?xml version="1.0"?><svg/>',
    'GIF89a',
    'x',
  ]
  for (const text of texts) assert.throws(() => iconMediaType(Buffer.from(text)), /PNG, JPEG or WebP/)
  for (const whole of [pngIcon(8, 8), jpegIcon(8, 8), webpIcon('VP8 ', 8, 8)]) {
    for (let length = 1; length < 20; length += 1) assert.throws(() => iconMediaType(whole.subarray(0, length)))
  }
  assert.throws(() => iconMediaType(Buffer.alloc(0)), /body/)
})
