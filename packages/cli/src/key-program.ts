import type { Command } from 'commander'
import { parseCount } from './arguments.ts'
import type { KeyCreateOptions, KeyDeleteOptions, KeyLogOptions, KeyRotateOptions } from './commands/keys.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, withOutput } from './with-output.ts'

/** How a command line names a key. */
const keyArgument = ['<key>', 'id, beginning of the id, or name'] as const
const projectsArgument = ['<project...>', 'ids of the projects'] as const

const addLook = (key: Command, invoke: Invoke): void => {
  withOutput(key.command('create'))
    .description('make a key')
    .argument('[name]', 'name for people')
    .option('--default', 'encrypt with it when no key is named')
    .option('--never-grant', 'no other project may ever be let use it')
    .option(
      '--secret <id>',
      'take this secret of your project in the Barbican behind the service, instead of a new one',
    )
    .action(async (name: string | undefined, options: KeyCreateOptions, command: Command) => {
      const { createKey } = await import('./commands/keys.ts')
      await createKey(invoke(command), name, options)
    })
  withOutput(key.command('list'))
    .description('list the keys of your project')
    .action(async (options: OutputOptions, command: Command) => {
      const { listKeys } = await import('./commands/keys.ts')
      await listKeys(invoke(command), options)
    })
  withOutput(key.command('show'))
    .description('show everything about a key but its material')
    .argument(...keyArgument)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { showKey } = await import('./commands/keys.ts')
      await showKey(invoke(command), reference, options)
    })
  withOutput(key.command('log'))
    .description('show every use of a key, newest first')
    .argument(...keyArgument)
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .action(async (reference: string, options: KeyLogOptions, command: Command) => {
      const { showKeyLog } = await import('./commands/keys.ts')
      await showKeyLog(invoke(command), reference, options)
    })
}

const addGrants = (key: Command, invoke: Invoke): void => {
  withOutput(key.command('grant'))
    .description('let projects use a key, so that images under it can be shared with them')
    .argument(...keyArgument)
    .argument(...projectsArgument)
    .action(async (reference: string, projects: string[], options: OutputOptions, command: Command) => {
      const { grantKey } = await import('./commands/key-grants.ts')
      await grantKey(invoke(command), reference, projects, options)
    })
  key
    .command('revoke')
    .description('take a key back from projects; what is shared with them cannot be read any more')
    .argument(...keyArgument)
    .argument(...projectsArgument)
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, projects: string[], options: { yes?: boolean }, command: Command) => {
      const { revokeKey } = await import('./commands/key-grants.ts')
      await revokeKey(invoke(command), reference, projects, options)
    })
  withOutput(key.command('grants'))
    .description('show which projects may use a key')
    .argument(...keyArgument)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { listGrants } = await import('./commands/key-grants.ts')
      await listGrants(invoke(command), reference, options)
    })
}

const addChanges = (key: Command, invoke: Invoke): void => {
  withOutput(key.command('rotate'))
    .description('make a new version of a key; who may use it notices nothing')
    .argument(...keyArgument)
    .option('--wait', 'until nothing needs the former version any more')
    .action(async (reference: string, options: KeyRotateOptions, command: Command) => {
      const { rotateKey } = await import('./commands/keys.ts')
      await rotateKey(invoke(command), reference, options)
    })
  key
    .command('default')
    .description('encrypt with this key when none is named')
    .argument(...keyArgument)
    .action(async (reference: string, _options: object, command: Command) => {
      const { makeKeyDefault } = await import('./commands/keys.ts')
      await makeKeyDefault(invoke(command), reference)
    })
  key
    .command('enable')
    .description('let a disabled key be used again')
    .argument(...keyArgument)
    .action(async (reference: string, _options: object, command: Command) => {
      const { enableKey } = await import('./commands/keys.ts')
      await enableKey(invoke(command), reference)
    })
  key
    .command('disable')
    .description('let nobody use a key: nothing under it can be read or written')
    .argument(...keyArgument)
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, options: { yes?: boolean }, command: Command) => {
      const { disableKey } = await import('./commands/keys.ts')
      await disableKey(invoke(command), reference, options)
    })
  key
    .command('never-grant')
    .description('never let another project use a key; this cannot be undone')
    .argument(...keyArgument)
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, options: { yes?: boolean }, command: Command) => {
      const { neverGrantKey } = await import('./commands/keys.ts')
      await neverGrantKey(invoke(command), reference, options)
    })
  key
    .command('delete')
    .description('delete a key that no image needs')
    .argument(...keyArgument)
    .option('--forget-data-keys', 'also when data keys were made with it: what is encrypted with them is lost')
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, options: KeyDeleteOptions, command: Command) => {
      const { deleteKey } = await import('./commands/keys.ts')
      await deleteKey(invoke(command), reference, options)
    })
}

export const addKeyCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Keys:')
  const key = program.command('key').description('make, share and change the keys that images are encrypted with')
  addLook(key, invoke)
  addGrants(key, invoke)
  addChanges(key, invoke)
}
