/** What the client process is asked to do, and what it answers: one JSON document a line each way. */

/** A request as its bytes, and the status that it must be answered with. */
export interface Call {
  readonly request: string
  readonly status: number
}

/** For a while, every connection makes its calls in turn, over and over, each after the answer to the one before. */
export interface CallsJob {
  readonly kind: 'calls'
  readonly port: number
  readonly durationMs: number
  /** One list a connection. */
  readonly connections: readonly (readonly Call[])[]
}

/** Every connection makes its calls once, each after the answer to the one before. */
export interface OnceJob {
  readonly kind: 'once'
  readonly port: number
  /** One list a connection. */
  readonly connections: readonly (readonly Call[])[]
}

export interface OnceResult {
  /** Until the last answer. */
  readonly seconds: number
}

export interface CallsResult {
  /** Times that a connection has come to the end of its list. */
  readonly rounds: number
  readonly seconds: number
}

/**
 * Makes calls one after the other at a steady rate, whether or not those before are answered; those of the list in turn,
 * over and over.
 */
export interface PacedJob {
  readonly kind: 'paced'
  readonly port: number
  readonly calls: readonly Call[]
  readonly everyMs: number
  readonly count: number
  /** Calls beyond so many at once wait for an answer to one before, and the wait counts. */
  readonly connections: number
}

export interface PacedResult {
  /** Of each call, from the moment that it was due to the last byte of its answer (milliseconds). */
  readonly delaysMs: readonly number[]
}

/** The head of a request. Of an upload, `sizeBytes` follow; of a download, they are expected. */
export interface Transfer {
  readonly direction: 'upload' | 'download'
  readonly head: string
  readonly sizeBytes: number
  readonly status: number
}

/** All transfers at once, each on a connection of its own. */
export interface TransfersJob {
  readonly kind: 'transfers'
  readonly port: number
  readonly transfers: readonly Transfer[]
}

export interface TransfersResult {
  /** Of each transfer, from its first byte to the last of its answer. */
  readonly seconds: readonly number[]
}

export type LoadJob = CallsJob | OnceJob | PacedJob | TransfersJob

export type LoadReply =
  | { readonly calls: CallsResult }
  | { readonly once: OnceResult }
  | { readonly paced: PacedResult }
  | { readonly transfers: TransfersResult }
  | { readonly failed: string }
