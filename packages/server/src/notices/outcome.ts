/**
 * How one attempt to deliver ended.
 * - `retry`: not this time
 * - `refused`: it never will
 * - `unavailable`: nothing can be delivered that way at the moment; it says nothing of this delivery
 * - `gone`: the webhook asks for no more
 *
 * `why` is a sentence for whoever owns the delivery. It holds nothing that a server answered, and no credentials.
 */
export type Outcome =
  | { readonly result: 'sent' }
  | { readonly result: 'retry' | 'refused' | 'unavailable' | 'gone'; readonly why: string }
