/** The thread that hashes. It answers every `update` in order, and every `finish` with the digest in hex. */
import { constants, createHash, createVerify } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { HashAlgorithm, HashReply, HashRequest, HashWorkerData, Verification } from './hash-protocol.ts'

if (parentPort === null) throw new Error('This file runs as a worker thread.')
const port = parentPort
const { slab, slotBytes }: HashWorkerData = workerData

/** What bytes pass through. */
interface Stream {
  update(bytes: Uint8Array): unknown
  finish(): HashReply
}

const hashBy = (algorithm: HashAlgorithm): Stream => {
  const hash = createHash(algorithm)
  return { update: (bytes) => hash.update(bytes), finish: () => hash.digest('hex') }
}

const verifyBy = ({ digest, kind, publicKey: key, signature }: Verification): Stream => {
  const verify = createVerify(digest)
  // The salt is as long as the signature says. OpenStack signs with the longest, and its verifiers take any.
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
  return {
    update: (bytes) => verify.update(bytes),
    finish: () => {
      try {
        return verify.verify({ key, ...(kind === 'rsa' ? pss : {}) }, signature) ? 'valid' : 'invalid'
      } catch {
        // A signature that is not even of the form of one.
        return 'invalid'
      }
    },
  }
}

const streams = new Map<number, Stream>()

const streamOf = (id: number): Stream => {
  const stream = streams.get(id)
  if (stream === undefined) throw new Error(`No hash ${id} is open.`)
  return stream
}

const answer = (reply: HashReply): void => port.postMessage(reply)

const handle = (request: HashRequest): void => {
  switch (request.kind) {
    case 'open':
      streams.set(request.stream, typeof request.job === 'string' ? hashBy(request.job) : verifyBy(request.job))
      return
    case 'update':
      streamOf(request.stream).update(new Uint8Array(slab, request.slot * slotBytes, request.lengthBytes))
      answer('')
      return
    case 'finish':
      answer(streamOf(request.stream).finish())
      streams.delete(request.stream)
      return
    case 'discard':
      streams.delete(request.stream)
  }
}

port.on('message', handle)
