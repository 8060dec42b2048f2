import { assembleCast } from './actors.ts'
import { closeAgents, createAgents } from './client.ts'
import { groups } from './groups/index.ts'
import { readOptions, usage } from './options.ts'
import { line, summary } from './report.ts'
import { type Outcome, runGroup } from './suite.ts'

const write = (text: string) => process.stdout.write(`${text}\n`)

/** Runs the suite and returns the exit code: 0 all passed, 1 something failed, 2 it could not be run. */
const main = async (args: string[]): Promise<number> => {
  if (args.includes('--help')) {
    write(usage)
    return 0
  }
  const options = readOptions(args, process.env)
  const agents = createAgents()
  const cast = await assembleCast(options.clouds, options.endpoint, agents)
  const outcomes: Outcome[] = []
  const report = (outcome: Outcome) => {
    outcomes.push(outcome)
    const text = line(outcome)
    if (text !== undefined) write(text)
  }
  try {
    const { glance, only } = options
    for (const group of groups) await runGroup(group, cast, { glance, report, ...(only ? { only } : {}) })
  } finally {
    await cast.dismiss()
    closeAgents(agents)
  }
  if (outcomes.length === 0) throw new Error('no expectation matches the pattern')
  write(`\n${summary(outcomes)}`)
  return outcomes.some(({ result }) => result === 'failed') ? 1 : 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`The suite could not be run: ${error instanceof Error ? error.message : String(error)}\n`)
  console.error(usage)
  process.exitCode = 2
}
