import { Worker } from 'node:worker_threads'
import type { HashAlgorithm, HashReply, HashRequest, HashWorkerData, Verification } from './hash-protocol.ts'

/** One hash in one thread. */
export interface HashStream {
  update(slot: number, lengthBytes: number): Promise<void>
  finish(): Promise<string>
  discard(): void
}

/** A hash thread is gone, and what it was computing with it. */
export class HashingError extends Error {
  override readonly name = 'HashingError'
}

interface Pending {
  readonly resolve: (reply: HashReply) => void
  readonly reject: (error: Error) => void
}

// The file has one ending in the repository and another where it is published.
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './hash-worker.ts' : './hash-worker.js', import.meta.url)

// Such a thread makes only short-lived messages; by default it would let tens of megabytes of them pile up.
const resourceLimits = { maxYoungGenerationSizeMb: 4 }

/** A worker thread that runs many hashes. When it dies, all that waits for it rejects, and so does all that comes. */
export class HashThread {
  readonly #worker: Worker
  // The thread answers in order, so answers need no names.
  readonly #pending: Pending[] = []
  #death: HashingError | undefined
  #streams = 0

  constructor({ slab, slotBytes }: HashWorkerData) {
    const workerData: HashWorkerData = { slab, slotBytes }
    this.#worker = new Worker(workerUrl, { workerData, name: 'hash', resourceLimits })
    this.#worker.on('message', (reply: HashReply) => this.#pending.shift()?.resolve(reply))
    this.#worker.on('error', (cause) => this.#die(new HashingError('A hash thread failed.', { cause })))
    this.#worker.on('exit', () => this.#die(new HashingError('A hash thread ended.')))
  }

  get dead(): boolean {
    return this.#death !== undefined
  }

  open(job: HashAlgorithm | Verification): HashStream {
    this.#streams += 1
    const stream = this.#streams
    this.#post({ kind: 'open', stream, job })
    return {
      update: async (slot, lengthBytes) => {
        await this.#ask({ kind: 'update', stream, slot, lengthBytes })
      },
      finish: () => this.#ask({ kind: 'finish', stream }),
      discard: () => this.#post({ kind: 'discard', stream }),
    }
  }

  async close(): Promise<void> {
    this.#death ??= new HashingError('Hashing is closed.')
    await this.#worker.terminate()
  }

  #post(request: HashRequest): void {
    if (this.#death === undefined) this.#worker.postMessage(request)
  }

  #ask(request: HashRequest): Promise<HashReply> {
    if (this.#death !== undefined) return Promise.reject(this.#death)
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.#worker.postMessage(request)
    })
  }

  // A thread that has ended reads no memory any more, so whoever waits for a slot may have it.
  #die(error: HashingError): void {
    this.#death ??= error
    for (const { reject } of this.#pending.splice(0)) reject(this.#death)
  }
}
