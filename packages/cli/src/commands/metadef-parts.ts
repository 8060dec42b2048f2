import type { Namespace } from '@vitrine/sdk'
import { confirm } from '../confirm.ts'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { eachOf } from '../each-of.ts'

type CallOptions = { signal: AbortSignal }

export const namespaceNamed = async (invocation: Invocation, name: string): Promise<Namespace> => {
  const { service } = await connect(invocation)
  return service.getNamespace(name, { signal: invocation.signal })
}

/**
 * Does something to several parts of a namespace, and asks before that.
 * @param question ends with the name of the part: `Delete the tag`
 * @param told begins what is said afterwards: `Deleted the tag`
 */
export const eachPart = async (
  invocation: Invocation,
  namespaceName: string,
  names: readonly string[],
  { question, told, yes }: { question: string; told: string; yes: boolean | undefined },
  act: (namespace: Namespace, name: string, options: CallOptions) => Promise<void>,
): Promise<void> => {
  const { signal } = invocation
  const namespace = await namespaceNamed(invocation, namespaceName)
  const { failed } = await eachOf(invocation, names, async (name) => {
    await confirm(invocation, `${question} ${name}?`, yes)
    await act(namespace, name, { signal })
    await say(invocation, `${told} ${name}.`)
  })
  if (failed !== undefined) throw failed
}

/** @param find reads a part by its name */
export const deleteParts = (
  invocation: Invocation,
  namespaceName: string,
  kind: 'object' | 'property' | 'tag',
  names: readonly string[],
  yes: boolean | undefined,
  find: (
    namespace: Namespace,
    name: string,
    options: CallOptions,
  ) => Promise<{ delete(options: CallOptions): Promise<void> }>,
): Promise<void> => {
  const words = { question: `Delete the ${kind}`, told: `Deleted the ${kind}`, yes }
  return eachPart(invocation, namespaceName, names, words, async (namespace, name, options) =>
    (await find(namespace, name, options)).delete(options),
  )
}
