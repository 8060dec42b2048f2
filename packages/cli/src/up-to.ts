/** The first `limit` of them; afterwards it is known whether there were more. One more than shown has to be asked for. */
export const upTo = <T>(
  all: AsyncIterable<T, unknown, unknown>,
  limit: number,
): { things: AsyncGenerator<T, undefined>; more: () => boolean } => {
  let hasMore = false
  async function* first(): AsyncGenerator<T, undefined> {
    let left = limit
    for await (const thing of all) {
      if (left-- > 0) yield thing
      else {
        hasMore = true
        return undefined
      }
    }
  }
  return { things: first(), more: () => hasMore }
}
