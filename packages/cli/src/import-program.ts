import { type Command, Option } from 'commander'
import { collect, parseCount } from './arguments.ts'
import type { ImageImportOptions } from './commands/image-import.ts'
import type { ImageStageOptions } from './commands/image-stage.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, imageArgument, withOutput } from './with-output.ts'

const methods: NonNullable<ImageImportOptions['method']>[] = [
  'web-download',
  'glance-direct',
  'glance-download',
  'copy-image',
]

/** What has bytes come to an image in the background. */
export const addImportCommands = (image: Command, invoke: Invoke): void => {
  withOutput(image.command('stage'))
    .description('upload the bytes of an image to where an import takes them from')
    .argument(...imageArgument)
    .requiredOption('--file <file>', 'bytes to upload; - for the standard input')
    .option('--no-progress', 'do not show how it goes')
    .action(async (reference: string, options: ImageStageOptions, command: Command) => {
      const { stageImage } = await import('./commands/image-stage.ts')
      await stageImage(invoke(command), reference, options)
    })
  withOutput(image.command('import'))
    .description('have the service fetch the bytes of an image, or copy them into further stores')
    .argument(...imageArgument)
    .option('--uri <url>', 'fetch them from this address')
    .option('--from-region <region>', 'fetch them from an image of another region')
    .option('--from-image <id>', 'the id of the image there')
    .option('--from-interface <interface>', 'the endpoint there: public (default), internal or admin')
    .addOption(
      new Option('--method <method>', 'default: told by the other options, or by the status of the image').choices(
        methods,
      ),
    )
    .option('--store <store>', 'put them into this store; may be repeated', collect)
    .option('--all-stores', 'put them into all stores')
    .option('--allow-failure', 'be content with the stores that work')
    .option('--expect-hash <hash>', 'refuse bytes with another digest: sha512:HEX, sha256:HEX, ...')
    .option('--expect-size <bytes>', 'refuse another number of bytes', parseCount)
    .option('--wait', 'until it is done')
    .action(async (reference: string, options: ImageImportOptions, command: Command) => {
      const { importImage } = await import('./commands/image-import.ts')
      await importImage(invoke(command), reference, options)
    })
  withOutput(image.command('tasks'))
    .description('show what was and is imported into an image')
    .argument(...imageArgument)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { listImageTasks } = await import('./commands/image-import.ts')
      await listImageTasks(invoke(command), reference, options)
    })
}
