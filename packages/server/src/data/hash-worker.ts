/** The thread that hashes. It answers every `update` in order, and every `finish` with the digest in hex. */
import { createHash, type Hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashReply, HashRequest, HashWorkerData } from './hash-protocol.ts'

if (parentPort === null) throw new Error('This file runs as a worker thread.')
const port = parentPort
const { slab, slotBytes }: HashWorkerData = workerData

const streams = new Map<number, Hash>()

const streamOf = (id: number): Hash => {
  const stream = streams.get(id)
  if (stream === undefined) throw new Error(`No hash ${id} is open.`)
  return stream
}

const answer = (reply: HashReply): void => port.postMessage(reply)

const handle = (request: HashRequest): void => {
  switch (request.kind) {
    case 'open':
      streams.set(request.stream, createHash(request.algorithm))
      return
    case 'update':
      streamOf(request.stream).update(new Uint8Array(slab, request.slot * slotBytes, request.lengthBytes))
      answer('')
      return
    case 'finish':
      answer(streamOf(request.stream).digest('hex'))
      streams.delete(request.stream)
      return
    case 'discard':
      streams.delete(request.stream)
  }
}

port.on('message', handle)
