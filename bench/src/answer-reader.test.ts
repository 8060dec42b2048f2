import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, createAnswerReader } from './answer-reader.ts'

const answers = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello' +
    'HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n' +
    'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n\r\n',
)

test('tells every answer once, wherever the bytes are cut', () => {
  for (let size = 1; size <= answers.length; size += 1) {
    const seen: Answer[] = []
    const read = createAnswerReader((answer) => seen.push(answer))
    for (let at = 0; at < answers.length; at += size) read(answers.subarray(at, at + size))
    assert.deepEqual(
      seen,
      [
        { status: 200, bodyBytes: 5 },
        { status: 204, bodyBytes: 0 },
        { status: 404, bodyBytes: 0 },
        { status: 200, bodyBytes: 2 },
      ],
      `chunks of ${size}`,
    )
  }
})

test('tells an answer only when its last byte is here', () => {
  const seen: Answer[] = []
  const read = createAnswerReader((answer) => seen.push(answer))
  read(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab'))
  assert.equal(seen.length, 0)
  read(Buffer.from('c'))
  assert.equal(seen.length, 1)
})

test('refuses a body without a length', () => {
  const read = createAnswerReader(() => {})
  assert.throws(() => read(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')), /Content-Length/)
})
