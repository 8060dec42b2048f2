import { assembleCast } from './actors.ts'
import { closeAgents, createAgents } from './client.ts'
import { serveContent } from './content.ts'
import { groups } from './groups/index.ts'
import { type Options, readOptions, usage } from './options.ts'
import { type Receivers, receiveHooks, receiveMail } from './receivers.ts'
import { line, summary } from './report.ts'
import { type Outcome, runGroup } from './suite.ts'

const write = (text: string) => process.stdout.write(`${text}\n`)

/** Runs the suite; true when nothing failed. */
const run = async (options: Options): Promise<boolean> => {
  const agents = createAgents()
  const receivers: Receivers = {}
  if (options.smtp) receivers.mail = await receiveMail(options.smtp)
  if (options.webhooks) receivers.hooks = await receiveHooks(options.webhooks)
  if (options.content) receivers.content = await serveContent(options.content, options.region)
  const cast = await assembleCast(options.clouds, options.endpoint, agents)
  const outcomes: Outcome[] = []
  const report = (outcome: Outcome) => {
    outcomes.push(outcome)
    const text = line(outcome)
    if (text !== undefined) write(text)
  }
  try {
    const { glance, only } = options
    for (const group of groups)
      await runGroup(group, { ...cast, receivers }, { glance, report, ...(only ? { only } : {}) })
  } finally {
    await cast.dismiss()
    closeAgents(agents)
    await receivers.mail?.stop()
    await receivers.hooks?.stop()
    await receivers.content?.stop()
  }
  if (outcomes.length === 0) throw new Error('no expectation matches the pattern')
  write(`\n${summary(outcomes)}`)
  return !outcomes.some(({ result }) => result === 'failed')
}

const complain = (what: string, error: unknown) =>
  console.error(`${what}: ${error instanceof Error ? error.message : String(error)}`)

/** The exit code: 0 nothing failed, 1 something failed, 2 the suite could not be run. */
const main = async (args: string[]): Promise<number> => {
  if (args.includes('--help')) {
    write(usage)
    return 0
  }
  let options: Options
  try {
    options = readOptions(args, process.env)
  } catch (error) {
    complain('The arguments are not understood', error)
    console.error(`\n${usage}`)
    return 2
  }
  try {
    return (await run(options)) ? 0 : 1
  } catch (error) {
    complain('The suite could not be run', error)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
