import { type Command, Option } from 'commander'
import type { NamespaceListOptions, NamespaceSetOptions } from './commands/metadefs.ts'
import { addMetadefPartCommands } from './metadef-part-program.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, withOutput } from './with-output.ts'

const namespaceArgument = ['<namespace>', 'name of the namespace'] as const

const withFields = (command: Command): Command =>
  withOutput(command)
    .option('--display-name <text>', 'its name for people')
    .option('--description <text>', 'what it is for')
    .option('--public', 'everybody sees it')
    .option('--private', 'only its project sees it')
    .option('--protect', 'keep it and what is in it from being deleted')
    .option('--unprotect', 'let it be deleted')

const addNamespaces = (md: Command, invoke: Invoke): void => {
  withOutput(md.command('list'))
    .description('list the namespaces that you see')
    .addOption(new Option('--visibility <visibility>', 'only these').choices(['public', 'private']))
    .option('--for <type>', 'only those for this resource type, such as OS::Glance::Image')
    .action(async (options: NamespaceListOptions, command: Command) => {
      const { listNamespaces } = await import('./commands/metadefs.ts')
      await listNamespaces(invoke(command), options)
    })
  withOutput(md.command('show'))
    .description('show a namespace with all that is in it')
    .argument(...namespaceArgument)
    .option('--for <type>', 'name properties as resources of this type have them')
    .action(async (name: string, options: OutputOptions & { for?: string }, command: Command) => {
      const { showNamespace } = await import('./commands/metadefs.ts')
      await showNamespace(invoke(command), name, options)
    })
  withFields(md.command('create'))
    .description('make an empty namespace; for administrators, as set, delete and import')
    .argument(...namespaceArgument)
    .action(async (name: string, options: NamespaceSetOptions, command: Command) => {
      const { createNamespace } = await import('./commands/metadefs.ts')
      await createNamespace(invoke(command), name, options)
    })
  withFields(md.command('set'))
    .description('change a namespace; what is in it stays')
    .argument(...namespaceArgument)
    .option('--name <name>', 'another name')
    .action(async (name: string, options: NamespaceSetOptions, command: Command) => {
      const { setNamespace } = await import('./commands/metadefs.ts')
      await setNamespace(invoke(command), name, options)
    })
  md.command('delete')
    .description('delete a namespace with all that is in it')
    .argument(...namespaceArgument)
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { yes?: boolean }, command: Command) => {
      const { deleteNamespace } = await import('./commands/metadefs.ts')
      await deleteNamespace(invoke(command), name, options)
    })
}

export const addMetadefCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Cloud:')
  const md = program.command('md').description('read and write metadata definitions: what properties mean')
  addNamespaces(md, invoke)
  md.command('import')
    .description('make a namespace of each file of definitions (JSON); - is the standard input')
    .argument('<file...>', 'files in the form of Glance, one namespace each')
    .action(async (files: string[], _options: object, command: Command) => {
      const { importNamespaces } = await import('./commands/metadefs.ts')
      await importNamespaces(invoke(command), files)
    })
  md.command('export')
    .description('print a namespace in the form of such a file')
    .argument(...namespaceArgument)
    .action(async (name: string, _options: object, command: Command) => {
      const { exportNamespace } = await import('./commands/metadefs.ts')
      await exportNamespace(invoke(command), name)
    })
  addMetadefPartCommands(md, invoke)
  withOutput(md.command('resource-types'))
    .description('list the resource types that any namespace was ever for')
    .action(async (options: OutputOptions, command: Command) => {
      const { listResourceTypes } = await import('./commands/metadefs.ts')
      await listResourceTypes(invoke(command), options)
    })
}
