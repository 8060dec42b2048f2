import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError, InterruptedError } from './command-error.ts'
import { exitCodeForStatus } from './exit-codes.ts'
import { explain } from './explain.ts'

test('the status of a refusal decides the exit code', () => {
  const expected = {
    400: 1,
    401: 4,
    403: 4,
    404: 3,
    409: 5,
    410: 3,
    413: 6,
    415: 1,
    429: 7,
    500: 1,
    502: 7,
    503: 7,
    504: 7,
  }
  for (const [status, code] of Object.entries(expected)) assert.equal(exitCodeForStatus(Number(status)), code, status)
})

test('errors of the SDK are told with their request id, and never over more than three lines', async () => {
  const { HttpError, NetworkError, ConfigurationError, ChecksumMismatchError } = await import('@vitrine/sdk')
  const details = { body: { error: { message: 'No.' } }, method: 'GET', url: 'http://c/v2/images', requestId: 'req-1' }
  const refused = await explain(new HttpError({ ...details, status: 401 }))
  assert.equal(refused.exitCode, 4)
  assert.equal(refused.lines.length, 3)
  assert.equal(refused.lines[0], 'No.')
  assert.equal(refused.lines[2], 'Request id: req-1')
  assert.equal((await explain(new NetworkError('No answer.'))).exitCode, 7)
  assert.equal((await explain(new ConfigurationError('Missing.'))).exitCode, 2)
  assert.equal((await explain(new ChecksumMismatchError('Wrong.'))).exitCode, 1)
})

test('an interruption is told by the code that shells use', async () => {
  assert.equal((await explain(new InterruptedError('SIGINT'))).exitCode, 130)
  assert.equal((await explain(new InterruptedError('SIGTERM'))).exitCode, 143)
})

test('errors of the file system are told in words', async () => {
  const error = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', path: 'disk.raw' })
  const { exitCode, lines } = await explain(error)
  assert.equal(exitCode, 1)
  assert.deepEqual(lines, ['disk.raw: there is no such file or folder.'])
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  assert.deepEqual((await explain(full)).lines, ['The disk is full.'])
})

test('what a service sends cannot steer the terminal', async () => {
  const { lines } = await explain(new CommandError(1, 'before\u001b[2Jafter'))
  assert.deepEqual(lines, ['before\\u{1b}[2Jafter'])
})
