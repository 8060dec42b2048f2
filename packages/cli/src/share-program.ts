import { type Command, Option } from 'commander'
import { collect, parseCount } from './arguments.ts'
import type { CanBootOptions } from './commands/can-boot.ts'
import type { ExplainOptions } from './commands/explain-access.ts'
import type { InviteOptions } from './commands/invitations.ts'
import type { ApproveOptions, RequestsOptions } from './commands/requests.ts'
import type { ShareOptions } from './commands/share.ts'
import type { ShareFileOptions } from './commands/share-apply.ts'
import type { WithdrawOptions } from './commands/withdraw.ts'
import type { OutputOptions } from './output/formats.ts'
import { parseWhen } from './when.ts'
import { type Invoke, imageArgument, withOutput, withParents } from './with-output.ts'

const projectsArgument = ['<project...>', 'ids of the projects ("vitrine whoami" shows one), or name@domain'] as const
const untilOption = ['--until <when>', 'end it by itself: 30d, 12h, or a date'] as const
const messageOption = ['--message <text>', 'what the other side should know'] as const

const grantOption = ['--grant', 'also let them use the key of an encrypted image: both happen or neither'] as const

const addShare = (program: Command, invoke: Invoke): void => {
  const share = withOutput(program.command('share'))
    .description('share an image with projects, or many as a file says')
    .argument('<image>', imageArgument[1])
    .argument(...projectsArgument)
    .option(...messageOption)
    .option(...untilOption, parseWhen)
    .option(...grantOption)
    .option('--dry-run', 'only tell what would be done')
    .option('--any-id', 'take project ids of any form')
    .action(async (image: string, projects: string[], options: ShareOptions, command: Command) => {
      const { shareImage } = await import('./commands/share.ts')
      await shareImage(invoke(command), image, projects, options)
    })
  withOutput(share.command('plan'))
    .description('show what it takes to make the shares as a file says')
    .argument('<file>', 'YAML; - for the standard input')
    .option('--prune', 'also take the images back from projects that the file does not name')
    .option('--any-id', 'take project ids of any form')
    .action(async (file: string, _options: object, command: Command) => {
      const { planShareFile } = await import('./commands/share-apply.ts')
      await planShareFile(invoke(command), file, withParents<ShareFileOptions>(command))
    })
  withOutput(share.command('apply'))
    .description('make the shares as a file says; again, it changes nothing')
    .argument('<file>', 'YAML; - for the standard input')
    .option('--prune', 'also take the images back from projects that the file does not name')
    .option('--any-id', 'take project ids of any form')
    .option('-y, --yes', 'do not ask')
    .action(async (file: string, _options: object, command: Command) => {
      const { applyShareFile } = await import('./commands/share-apply.ts')
      await applyShareFile(invoke(command), file, withParents<ShareFileOptions>(command))
    })
}

const addMembers = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('members'))
    .description('show with whom an image is shared, on which terms, and their answers')
    .argument(...imageArgument)
    .action(async (image: string, options: OutputOptions, command: Command) => {
      const { listMembers } = await import('./commands/members.ts')
      await listMembers(invoke(command), image, options)
    })
  program
    .command('unshare')
    .description('take an image back from projects')
    .argument(...imageArgument)
    .argument('<project...>', 'ids of the projects, or name@domain')
    .option('-y, --yes', 'do not ask')
    .action(async (image: string, projects: string[], options: { yes?: boolean }, command: Command) => {
      const { unshareImage } = await import('./commands/unshare.ts')
      await unshareImage(invoke(command), image, projects, options)
    })
  withOutput(program.command('withdraw'))
    .description('take an image back from everybody, now or on a date of which they are told')
    .argument(...imageArgument)
    .option('--project <id>', 'only from this project; may be repeated', collect)
    .option('--at <when>', 'announce it for then: 30d, 12h, or a date', parseWhen)
    .option('--delete', 'then delete the image, too')
    .option(...messageOption)
    .option('--cancel', 'take an announced withdrawal back')
    .option('--dry-run', 'only show what it affects')
    .option('-y, --yes', 'do not ask')
    .action(async (image: string, options: WithdrawOptions, command: Command) => {
      const { withdrawImage } = await import('./commands/withdraw.ts')
      await withdrawImage(invoke(command), image, options)
    })
}

const addInvitations = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('invite'))
    .description('make a code that makes whoever claims it a member of an image')
    .argument(...imageArgument)
    .option('--uses <count>', 'how many projects can claim it (default 1)', parseCount)
    .option('--expires <when>', 'when the code ends: 12h, 7d, or a date (default 14d)', parseWhen)
    .option('--email-domain <domain>', 'only for projects with a confirmed address in this domain')
    .option('--project <name@domain>', 'no code: the project of that name finds it in its inbox')
    .option('--accepted', 'it joins their list at once')
    .option(...messageOption)
    .option(...untilOption, parseWhen)
    .option(...grantOption)
    .action(async (image: string, options: InviteOptions, command: Command) => {
      const { inviteToImage } = await import('./commands/invitations.ts')
      await inviteToImage(invoke(command), image, options)
    })
  withOutput(program.command('invitations'))
    .description('show your invitations, and who claimed them')
    .action(async (options: OutputOptions, command: Command) => {
      const { listInvitations } = await import('./commands/invitations.ts')
      await listInvitations(invoke(command), options)
    })
  program
    .command('revoke')
    .description('end an invitation; shares that came of it stay')
    .argument('<invitation>', 'id, or beginning of it')
    .option('-y, --yes', 'do not ask')
    .action(async (invitation: string, options: { yes?: boolean }, command: Command) => {
      const { revokeInvitation } = await import('./commands/invitations.ts')
      await revokeInvitation(invoke(command), invitation, options)
    })
}

const requestStates = ['waiting', 'approved', 'denied', 'closed']

const addRequests = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('requests'))
    .description('show who asks for access to your images')
    .addOption(new Option('--state <state>', 'only in this state').choices(requestStates).default('waiting'))
    .option('--image <image>', 'only for this image')
    .action(async (options: RequestsOptions, command: Command) => {
      const { listRequests } = await import('./commands/requests.ts')
      await listRequests(invoke(command), options)
    })
  withOutput(program.command('approve'))
    .description('share what was asked for, and tell the requester')
    .argument('<request...>', 'ids, or beginnings of them')
    .option(...messageOption)
    .option(...untilOption, parseWhen)
    .option(...grantOption)
    .action(async (requests: string[], options: ApproveOptions, command: Command) => {
      const { approveRequests } = await import('./commands/requests.ts')
      await approveRequests(invoke(command), requests, options)
    })
  withOutput(program.command('deny'))
    .description('refuse requests, and tell the requesters why')
    .argument('<request...>', 'ids, or beginnings of them')
    .requiredOption('--reason <text>', 'why; they read it')
    .action(async (requests: string[], options: OutputOptions & { reason: string }, command: Command) => {
      const { denyRequests } = await import('./commands/requests.ts')
      await denyRequests(invoke(command), requests, options)
    })
}

const addInsight = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('stats'))
    .description('show how many accepted and use an image')
    .argument(...imageArgument)
    .action(async (image: string, options: OutputOptions, command: Command) => {
      const { showStatistics } = await import('./commands/statistics.ts')
      await showStatistics(invoke(command), image, options)
    })
  withOutput(program.command('explain'))
    .description('show why a project can see, list and download an image, or not')
    .argument(...imageArgument)
    .option('--project <id>', 'project to explain it for (default: your own)')
    .action(async (image: string, options: ExplainOptions, command: Command) => {
      const { explainAccess } = await import('./commands/explain-access.ts')
      await explainAccess(invoke(command), image, options)
    })
}

const addCanBoot = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('can-boot'))
    .description('tell whether a project could boot an image now, and why; ends with 4 when it could not')
    .argument(...imageArgument)
    .option('--project <id>', 'project to ask for (default: your own)')
    .option('--disk <gibibytes>', 'disk of the server that is to be', parseCount)
    .option('--ram <mebibytes>', 'memory of the server that is to be', parseCount)
    .option('--if-shared', 'as if the image were shared with the project already')
    .action(async (image: string, options: CanBootOptions, command: Command) => {
      const { showCanBoot } = await import('./commands/can-boot.ts')
      await showCanBoot(invoke(command), image, options)
    })
}

export const addShareCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Share (producers):')
  addShare(program, invoke)
  addMembers(program, invoke)
  addRequests(program, invoke)
  addInvitations(program, invoke)
  addInsight(program, invoke)
  addCanBoot(program, invoke)
}
