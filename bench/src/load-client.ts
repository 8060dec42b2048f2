import { join } from 'node:path'
import { startChild } from './child.ts'
import type {
  CallsJob,
  CallsResult,
  LoadJob,
  LoadReply,
  OnceJob,
  OnceResult,
  PacedJob,
  PacedResult,
  TransfersJob,
  TransfersResult,
} from './load-job.ts'

/** The process that plays the clients. One job at a time. */
export interface LoadClient extends AsyncDisposable {
  readonly calls: (job: Omit<CallsJob, 'kind'>) => Promise<CallsResult>
  readonly once: (job: Omit<OnceJob, 'kind'>) => Promise<OnceResult>
  readonly paced: (job: Omit<PacedJob, 'kind'>) => Promise<PacedResult>
  readonly transfers: (job: Omit<TransfersJob, 'kind'>) => Promise<TransfersResult>
}

/** @param core where it runs; null: anywhere */
export const startLoadClient = (core: number | null): LoadClient => {
  const child = startChild(process.execPath, [join(import.meta.dirname, 'load.ts')], { core })
  let answer: ((reply: LoadReply) => void) | undefined
  child.onLine((line) => answer?.(JSON.parse(line)))
  void child.ended.then(() => answer?.({ failed: 'The client process ended.' }))

  const ask = async (job: LoadJob): Promise<LoadReply> => {
    if (answer !== undefined) throw new Error('The client process does one job at a time.')
    const reply = await new Promise<LoadReply>((resolve) => {
      answer = resolve
      child.input.write(`${JSON.stringify(job)}\n`)
    })
    answer = undefined
    if ('failed' in reply) throw new Error(reply.failed)
    return reply
  }

  return {
    calls: async (job) => {
      const reply = await ask({ kind: 'calls', ...job })
      if ('calls' in reply) return reply.calls
      throw new Error('The client process answered something else.')
    },
    once: async (job) => {
      const reply = await ask({ kind: 'once', ...job })
      if ('once' in reply) return reply.once
      throw new Error('The client process answered something else.')
    },
    paced: async (job) => {
      const reply = await ask({ kind: 'paced', ...job })
      if ('paced' in reply) return reply.paced
      throw new Error('The client process answered something else.')
    },
    transfers: async (job) => {
      const reply = await ask({ kind: 'transfers', ...job })
      if ('transfers' in reply) return reply.transfers
      throw new Error('The client process answered something else.')
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
