import type { Command } from 'commander'
import type { RotateMasterKeyOptions } from './commands/master-key-rotate.ts'
import type { Context } from './context.ts'

/** What an operator does with the master key of the embedded key manager, beside the service. */
export const addMasterKeyCommands = (program: Command, context: Context): void => {
  program
    .command('master-key')
    .description('the key that the embedded key manager of a service seals all others with')
    .command('rotate')
    .description('make a new one; the service seals everything anew when it starts next')
    .option('--data <dir>', 'folder of everything that the service keeps (default ./data)')
    .option('--config <file>', 'file of settings (YAML)')
    .action(async (options: RotateMasterKeyOptions) => {
      const { rotateMasterKey } = await import('./commands/master-key-rotate.ts')
      await rotateMasterKey(context, options)
    })
}
