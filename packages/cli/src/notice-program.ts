import type { DeliveryState, NoticeKind } from '@vitrine/sdk'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseCount } from './arguments.ts'
import type { ActivityOptions } from './commands/activity.ts'
import type { DeliveriesOptions } from './commands/deliveries.ts'
import type { FeedOptions } from './commands/feed.ts'
import type { NoticeOptions } from './commands/notices.ts'
import type { WebhookSetOptions } from './commands/webhooks.ts'
import type { OutputOptions } from './output/formats.ts'
import { parseWhen, type When } from './when.ts'
import { type Invoke, withOutput } from './with-output.ts'

const noticeKinds: NoticeKind[] = [
  'share.created',
  'share.answered',
  'share.expiring',
  'share.withdrawing',
  'share.kept',
  'share.withdrawn',
  'request.received',
  'invitation.received',
  'listing.published',
]

const isNoticeKind = (word: string): word is NoticeKind => noticeKinds.some((kind) => kind === word)

const collectKinds = (text: string, before: readonly NoticeKind[] = []): NoticeKind[] => {
  const words = text.split(',').map((word) => word.trim())
  if (!words.every(isNoticeKind)) throw new InvalidArgumentError(`Choose from ${noticeKinds.join(', ')}.`)
  return [...new Set([...before, ...words])]
}

const kindsOption = ['--kinds <kind,...>', `which notices: ${noticeKinds.join(', ')}`] as const

const addMail = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('notices'))
    .description('show which mailboxes get notices of your project')
    .action(async (options: OutputOptions, command: Command) => {
      const { listNotices } = await import('./commands/notices.ts')
      await listNotices(invoke(command), options)
    })
  const notice = program.command('notice').description('add, change and remove mailboxes that get notices')
  withOutput(notice.command('add'))
    .description('send notices to a mailbox, after it agreed')
    .argument('<email>', 'mailbox')
    .option(...kindsOption, collectKinds)
    .option('--daily', 'one mail a day with all of it')
    .action(async (email: string, options: NoticeOptions, command: Command) => {
      const { addNotice } = await import('./commands/notices.ts')
      await addNotice(invoke(command), email, options)
    })
  withOutput(notice.command('set'))
    .description('change what a mailbox gets')
    .argument('<address>', 'mailbox, or id')
    .option(...kindsOption, collectKinds)
    .option('--daily', 'one mail a day with all of it')
    .option('--no-daily', 'each at once')
    .action(async (address: string, options: NoticeOptions, command: Command) => {
      const { setNotice } = await import('./commands/notices.ts')
      await setNotice(invoke(command), address, options)
    })
  notice
    .command('remove')
    .description('send a mailbox no more notices')
    .argument('<address>', 'mailbox, or id')
    .option('-y, --yes', 'do not ask')
    .action(async (address: string, options: { yes?: boolean }, command: Command) => {
      const { removeNotice } = await import('./commands/notices.ts')
      await removeNotice(invoke(command), address, options)
    })
}

const addWebhooks = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('webhooks'))
    .description('show which addresses are called with notices')
    .action(async (options: OutputOptions, command: Command) => {
      const { listWebhooks } = await import('./commands/webhooks.ts')
      await listWebhooks(invoke(command), options)
    })
  const webhook = program.command('webhook').description('add, change, test, replay and remove webhooks')
  const webhookArgument = ['<webhook>', 'id, beginning of the id, or URL'] as const
  withOutput(webhook.command('add'))
    .description('call an address with notices; the secret of the signatures is shown once')
    .argument('<url>', 'address to call')
    .option(...kindsOption, collectKinds)
    .action(async (url: string, options: OutputOptions & { kinds?: NoticeKind[] }, command: Command) => {
      const { addWebhook } = await import('./commands/webhooks.ts')
      await addWebhook(invoke(command), url, options)
    })
  withOutput(webhook.command('set'))
    .description('change a webhook')
    .argument(...webhookArgument)
    .option('--url <url>', 'address to call')
    .option(...kindsOption, collectKinds)
    .option('--enabled', 'call it')
    .option('--no-enabled', 'do not call it')
    .action(async (reference: string, options: WebhookSetOptions, command: Command) => {
      const { setWebhook } = await import('./commands/webhooks.ts')
      await setWebhook(invoke(command), reference, options)
    })
  webhook
    .command('remove')
    .description('end a webhook')
    .argument(...webhookArgument)
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, options: { yes?: boolean }, command: Command) => {
      const { removeWebhook } = await import('./commands/webhooks.ts')
      await removeWebhook(invoke(command), reference, options)
    })
  webhook
    .command('test')
    .description('call a webhook with a test')
    .argument(...webhookArgument)
    .action(async (reference: string, _options: object, command: Command) => {
      const { testWebhook } = await import('./commands/webhooks.ts')
      await testWebhook(invoke(command), reference)
    })
  webhook
    .command('replay')
    .description('call a webhook again for what happened since then')
    .argument(...webhookArgument)
    .requiredOption('--since <when>', 'how far back: 12h, 2d, or a date', parseWhen)
    .action(async (reference: string, options: { since: When }, command: Command) => {
      const { replayWebhook } = await import('./commands/webhooks.ts')
      await replayWebhook(invoke(command), reference, options)
    })
}

const deliveryStates: DeliveryState[] = ['waiting', 'digest', 'sent', 'failed']

const addDeliveries = (program: Command, invoke: Invoke): void => {
  withOutput(program.command('deliveries'))
    .description('show what became of mails and calls of webhooks')
    .addOption(new Option('--state <state>', 'only in this state').choices(deliveryStates))
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .action(async (options: DeliveriesOptions, command: Command) => {
      const { listDeliveries } = await import('./commands/deliveries.ts')
      await listDeliveries(invoke(command), options)
    })
  program
    .command('resend')
    .description('send again what failed')
    .argument('<delivery...>', 'ids, or beginnings of them')
    .action(async (deliveries: string[], _options: object, command: Command) => {
      const { resendDeliveries } = await import('./commands/deliveries.ts')
      await resendDeliveries(invoke(command), deliveries)
    })
  program
    .command('feed')
    .description("make or end the address of your project's Atom feed")
    .option('--new', 'make an address; the former one ends')
    .option('--end', 'end the address')
    .option('-y, --yes', 'do not ask')
    .action(async (options: FeedOptions, command: Command) => {
      const { projectFeed } = await import('./commands/feed.ts')
      await projectFeed(invoke(command), options)
    })
  withOutput(program.command('activity'))
    .description('show what happened to your images and to what is shared with you')
    .option('--follow', 'go on showing what happens')
    .option('--type <type>', 'only of this type, such as member.create')
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .action(async (options: ActivityOptions, command: Command) => {
      const { showActivity } = await import('./commands/activity.ts')
      await showActivity(invoke(command), options)
    })
}

export const addNoticeCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Notices:')
  addMail(program, invoke)
  addWebhooks(program, invoke)
  addDeliveries(program, invoke)
}
