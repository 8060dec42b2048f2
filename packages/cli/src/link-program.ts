import type { Command } from 'commander'
import { parseCount } from './arguments.ts'
import type { BootOptions } from './commands/boot.ts'
import type { LinkOptions } from './commands/links.ts'
import type { OutputOptions } from './output/formats.ts'
import { parseWhen } from './when.ts'
import { type Invoke, imageArgument, withOutput } from './with-output.ts'

/** Addresses that read bytes without a token, and what is done with them. */
export const addLinkCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Links:')
  withOutput(program.command('link'))
    .description('make an address that reads the bytes of an image without a token, for QEMU, curl and the like')
    .argument(...imageArgument)
    .option('--expires <when>', 'when it ends: 30min, 12h, or a date (default: in an hour)', parseWhen)
    .action(async (reference: string, options: LinkOptions, command: Command) => {
      const { makeLink } = await import('./commands/links.ts')
      await makeLink(invoke(command), reference, options)
    })
  withOutput(program.command('links'))
    .description('list the links of your project to an image that work')
    .argument(...imageArgument)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { listLinks } = await import('./commands/links.ts')
      await listLinks(invoke(command), reference, options)
    })
  program
    .command('unlink')
    .description('end links to an image; what is read by them breaks off')
    .argument(...imageArgument)
    .argument('[link...]', 'ids of links; none for all of your project')
    .action(async (reference: string, links: string[], _options: object, command: Command) => {
      const { endLinks } = await import('./commands/links.ts')
      await endLinks(invoke(command), reference, links)
    })
  program
    .command('boot')
    .description('boot an image in QEMU on this machine, straight from the service: it reads what it needs')
    .argument(...imageArgument)
    .argument('[qemu...]', 'further arguments for QEMU, after --')
    .option('--memory <mebibytes>', 'memory of the machine', parseCount, 1024)
    .option('--cpus <count>', 'processors of the machine', parseCount, 1)
    .option('--display', 'open a window; by default the serial console is on this terminal')
    .option('--qemu <program>', 'another QEMU than qemu-system-ARCHITECTURE')
    .action(async (reference: string, more: string[], options: BootOptions, command: Command) => {
      const { bootImage } = await import('./commands/boot.ts')
      await bootImage(invoke(command), reference, more, options)
    })
}
