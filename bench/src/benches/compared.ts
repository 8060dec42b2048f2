import type { Account } from '../api.ts'
import { type Capture, capture } from '../api.ts'
import { type BareServer, startBareServer } from '../bare.ts'
import type { Lab } from '../lab.ts'
import type { Row } from '../report.ts'
import { medianOf, saturatedRatio, takeTurns } from '../rounds.ts'
import { asking, connections } from './calls.ts'

/** A document that is read over and over, from one server or more. */
export interface Question {
  readonly name: string
  readonly service: { readonly url: string; readonly port: number; readonly pid: number }
  readonly path: string
  /** Who asks; without it, anybody. */
  readonly account?: Account
  /** Fails unless the answer is what is meant to be measured; says what it holds. */
  readonly check: (body: string) => string
  readonly target: number | null
  /** What is as large, but not as many; both should take the same time. */
  readonly sameAs?: string
}

const rounds = { warmUpMs: 1000, rounds: 5, roundMs: 800 }
/** How far two sizes may differ that should not. */
const same = 0.2

const sizeRow = (samples: Awaited<ReturnType<typeof takeTurns>>, name: string, other: string, note: string): Row => {
  const relation = saturatedRatio(samples, name, other)
  return {
    name,
    ours: { value: medianOf(samples, name, 'perSecond'), unit: '/s' },
    floor: { value: medianOf(samples, other, 'perSecond'), unit: '/s', what: other },
    ratio: relation.ratio,
    target: `${1 - same} to ${1 + same}`,
    met: Math.abs(relation.ratio - 1) <= same,
    notes: [note, relation.note],
  }
}

/** Holds every question against a bare server that gives the same answer, or against another question. */
export const compare = async (lab: Lab, questions: readonly Question[]): Promise<Row[]> => {
  const core = lab.cores.measured
  await using stack = new AsyncDisposableStack()
  const asked: { question: Question; answer: Capture; held: string; bare: BareServer | undefined }[] = []
  for (const question of questions) {
    const answer = await capture(question.service.url, question.path, question.account)
    const held = question.check(answer.body)
    const bare = question.sameAs === undefined ? stack.use(await startBareServer(answer, core)) : undefined
    asked.push({ question, answer, held, bare })
  }
  const bareName = (name: string) => `bare, ${name}`
  const samples = await takeTurns(
    asked.flatMap(({ question: { name, service, path, account }, bare }) => [
      asking(lab, name, service, path, account?.token),
      ...(bare === undefined ? [] : [asking(lab, bareName(name), bare, path, account?.token)]),
    ]),
    rounds,
  )
  return asked.map(({ question: { name, target, sameAs }, answer, held }): Row => {
    const content = `${held}; ${answer.body.length} characters, ${connections} connections`
    if (sameAs !== undefined) return sizeRow(samples, name, sameAs, content)
    const { ratio, note } = saturatedRatio(samples, name, bareName(name))
    return {
      name,
      ours: { value: medianOf(samples, name, 'perSecond'), unit: '/s' },
      floor: { value: medianOf(samples, bareName(name), 'perSecond'), unit: '/s', what: 'bare node:http' },
      ratio,
      target: target === null ? null : `>= ${target}`,
      met: target === null ? null : ratio >= target,
      notes: [content, note],
    }
  })
}
