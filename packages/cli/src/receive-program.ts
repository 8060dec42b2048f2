import type { RuleKind } from '@vitrine/sdk'
import { Argument, type Command, Option } from 'commander'
import type { AnswerOptions } from './commands/answer.ts'
import type { BlockOptions } from './commands/block.ts'
import type { RuleAddOptions } from './commands/rules.ts'
import type { SettingsOptions } from './commands/settings.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, withOutput } from './with-output.ts'

const answers = [
  { word: 'accept', status: 'accepted', description: 'show shared images in your list', hasAll: true },
  {
    word: 'reject',
    status: 'rejected',
    description: 'hide shared images from your list (they still boot by id)',
    hasAll: true,
  },
  {
    word: 'later',
    status: 'pending',
    description: 'leave shared images in the inbox, outside your list',
    hasAll: false,
  },
] as const

const addInbox = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('inbox'))
    .description('show what waits for your answer: shared images and invitations')
    .action(async (options: OutputOptions, command: Command) => {
      const { showInbox } = await import('./commands/inbox.ts')
      await showInbox(invoke(command), options)
    })
  for (const { word, status, description, hasAll } of answers) {
    const answer = withOutput(program.command(word))
      .description(description)
      .argument(hasAll ? '[image...]' : '<image...>', 'id, beginning of the id, or name; or the id of an invitation')
      .action(async (images: string[], options: AnswerOptions, command: Command) => {
        const { answerShares } = await import('./commands/answer.ts')
        await answerShares(invoke(command), status, images, options)
      })
    if (hasAll) answer.option('--all', 'everything that waits').option('-y, --yes', 'do not ask')
  }
  withOutput(program.command('claim'))
    .description('make your project a member of the image of a code')
    .argument('<code>', 'code of an invitation')
    .action(async (code: string, options: OutputOptions, command: Command) => {
      const { claimInvitation } = await import('./commands/claim.ts')
      await claimInvitation(invoke(command), code, options)
    })
  program
    .command('block')
    .description('never show shares of a producer again')
    .argument('[image...]', 'block who shares these images')
    .option('--producer <producer>', 'block this one: @handle, or the id of its project')
    .option('-y, --yes', 'do not ask')
    .action(async (images: string[], options: BlockOptions, command: Command) => {
      const { blockProducers } = await import('./commands/block.ts')
      await blockProducers(invoke(command), images, options)
    })
}

const ruleKinds: RuleKind[] = ['accept', 'block']

const addRules = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('rules'))
    .description('show what your project does with shares by itself')
    .action(async (options: OutputOptions, command: Command) => {
      const { listRules } = await import('./commands/rules.ts')
      await listRules(invoke(command), options)
    })
  const rule = program.command('rule').description('accept shares of a producer at once, or never show them')
  withOutput(rule.command('add'))
    .description('make a rule')
    .addArgument(new Argument('<kind>', 'what it does').choices(ruleKinds))
    .argument('<producer>', '@handle, or the id of its project')
    .option('--listing <slug>', 'only what was asked for through this listing')
    .option('--audit', 'do nothing but report')
    .action(async (kind: RuleKind, producer: string, options: RuleAddOptions, command: Command) => {
      const { addRule } = await import('./commands/rules.ts')
      await addRule(invoke(command), kind, producer, options)
    })
  rule
    .command('delete')
    .description('end a rule; what it did stays')
    .argument('<rule>', 'id, or beginning of it')
    .action(async (reference: string, _options: object, command: Command) => {
      const { deleteRule } = await import('./commands/rules.ts')
      await deleteRule(invoke(command), reference)
    })
  withOutput(program.command('settings'))
    .description('show or change what producers learn of your project')
    .addOption(
      new Option('--usage <how>', 'your use of their images: not at all, as part of a sum, or by name').choices([
        'nothing',
        'counted',
        'named',
      ]),
    )
    .action(async (options: SettingsOptions, command: Command) => {
      const { projectSettings } = await import('./commands/settings.ts')
      await projectSettings(invoke(command), options)
    })
}

export const addReceiveCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Receive (consumers):')
  addInbox(program, invoke)
  addRules(program, invoke)
}
