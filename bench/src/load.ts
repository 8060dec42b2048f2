/** The client process: does the jobs it reads from its standard input, one after the other. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, createAnswerReader } from './answer-reader.ts'
import type {
  Call,
  CallsJob,
  CallsResult,
  LoadJob,
  LoadReply,
  OnceJob,
  OnceResult,
  PacedJob,
  PacedResult,
  Transfer,
  TransfersJob,
  TransfersResult,
} from './load-job.ts'

// All connections read into the same memory: what arrives is counted at once and never kept.
const readBuffer = Buffer.allocUnsafeSlow(1024 * 1024)
const uploadChunk = randomBytes(1024 * 1024)

const requestLine = (request: string): string => request.slice(0, request.indexOf('\r\n'))

interface Connection {
  readonly socket: Socket
  /** What to do with the next answer, and when the connection fails. */
  onAnswer: (answer: Answer) => void
  onFailure: (error: Error) => void
}

const open = (port: number): Promise<Connection> =>
  new Promise((resolve, reject) => {
    const read = createAnswerReader((answer) => connection.onAnswer(answer))
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          try {
            read(readBuffer.subarray(0, length))
          } catch (error) {
            socket.destroy(error instanceof Error ? error : new Error(String(error)))
          }
          return true
        },
      },
    })
    const connection: Connection = { socket, onAnswer: () => {}, onFailure: reject }
    socket.once('connect', () => resolve(connection))
    socket.on('error', (error) => connection.onFailure(error))
    socket.on('close', () => connection.onFailure(new Error('The server closed a connection.')))
  })

/** Makes the calls in turn until the time has come. A round that has begun is finished, but counts only if in time. */
const repeat = (connection: Connection, calls: readonly Call[], until: number): Promise<number> =>
  new Promise((resolve, reject) => {
    let rounds = 0
    let index = 0
    const next = (): void => {
      const call = calls[index]
      if (call !== undefined) connection.socket.write(call.request, 'latin1')
    }
    connection.onFailure = reject
    connection.onAnswer = ({ status }) => {
      const call = calls[index]
      if (call === undefined || call.status !== status) {
        reject(new Error(`${requestLine(call?.request ?? '')} was answered ${status}, not ${call?.status}.`))
        return
      }
      index += 1
      if (index === calls.length) {
        index = 0
        const late = performance.now() >= until
        if (!late) rounds += 1
        if (late) {
          resolve(rounds)
          return
        }
      }
      next()
    }
    next()
  })

const openAll = (port: number, lists: readonly (readonly Call[])[]) =>
  Promise.all(lists.map(async (calls) => ({ calls, connection: await open(port) })))

const doCalls = async ({ port, durationMs, connections }: CallsJob): Promise<CallsResult> => {
  const opened = await openAll(port, connections)
  const started = performance.now()
  const until = started + durationMs
  try {
    const rounds = await Promise.all(opened.map(({ calls, connection }) => repeat(connection, calls, until)))
    return { rounds: rounds.reduce((sum, count) => sum + count, 0), seconds: durationMs / 1000 }
  } finally {
    for (const { connection } of opened) connection.socket.destroy()
  }
}

const doOnce = async ({ port, connections }: OnceJob): Promise<OnceResult> => {
  const opened = await openAll(port, connections)
  const started = performance.now()
  try {
    // To the end of the list, and no further.
    await Promise.all(opened.map(({ calls, connection }) => repeat(connection, calls, started)))
    return { seconds: (performance.now() - started) / 1000 }
  } finally {
    for (const { connection } of opened) connection.socket.destroy()
  }
}

const untilMs = (due: number): Promise<void> => {
  const waitMs = due - performance.now()
  return waitMs <= 0 ? Promise.resolve() : pause(waitMs)
}

/** Makes one call; resolves with its answer. */
const callOnce = (connection: Connection, { request, status: expected }: Call): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.onFailure = reject
    connection.onAnswer = ({ status }) => {
      if (status === expected) resolve()
      else reject(new Error(`${requestLine(request)} was answered ${status}, not ${expected}.`))
    }
    connection.socket.write(request, 'latin1')
  })

const doPaced = async ({ port, calls, everyMs, count, connections }: PacedJob): Promise<PacedResult> => {
  const opened = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const delaysMs: number[] = []
  const started = performance.now()
  let next = 0
  const work = async (connection: Connection): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const due = started + index * everyMs
      await untilMs(due)
      const call = calls[index % calls.length]
      if (call !== undefined) await callOnce(connection, call)
      delaysMs.push(performance.now() - due)
    }
  }
  try {
    await Promise.all(opened.map(work))
    return { delaysMs }
  } finally {
    for (const { socket } of opened) socket.destroy()
  }
}

const pour = (socket: Socket, sizeBytes: number): void => {
  let left = sizeBytes
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const chunk = left < uploadChunk.length ? uploadChunk.subarray(0, left) : uploadChunk
      left -= chunk.length
      if (!socket.write(chunk)) return
    }
    socket.off('drain', more)
  }
  socket.on('drain', more)
  more()
}

const doTransfer = async (port: number, { direction, head, sizeBytes, status }: Transfer): Promise<number> => {
  const connection = await open(port)
  const { socket } = connection
  try {
    return await new Promise<number>((resolve, reject) => {
      const started = performance.now()
      connection.onFailure = reject
      connection.onAnswer = (answer) => {
        const complete = direction === 'upload' || answer.bodyBytes === sizeBytes
        if (answer.status === status && complete) resolve((performance.now() - started) / 1000)
        else reject(new Error(`${requestLine(head)} was answered ${answer.status} with ${answer.bodyBytes} bytes.`))
      }
      socket.write(head, 'latin1')
      if (direction === 'upload') pour(socket, sizeBytes)
    })
  } finally {
    socket.destroy()
  }
}

const doTransfers = async ({ port, transfers }: TransfersJob): Promise<TransfersResult> => ({
  seconds: await Promise.all(transfers.map((transfer) => doTransfer(port, transfer))),
})

const replyTo = async (job: LoadJob): Promise<LoadReply> => {
  try {
    switch (job.kind) {
      case 'calls':
        return { calls: await doCalls(job) }
      case 'once':
        return { once: await doOnce(job) }
      case 'paced':
        return { paced: await doPaced(job) }
      case 'transfers':
        return { transfers: await doTransfers(job) }
    }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await replyTo(JSON.parse(line))
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
