import { Argument, Command, Option } from 'commander'
import { parseCount } from './arguments.ts'
import { addCatalogueCommands } from './catalogue-program.ts'
import type { Shell } from './commands/completion.ts'
import type { ServeOptions } from './commands/serve.ts'
import { type Context, type GlobalOptions, write } from './context.ts'
import { addImageCommands } from './image-program.ts'
import { addKeyCommands } from './key-program.ts'
import { addLinkCommands } from './link-program.ts'
import { addMasterKeyCommands } from './master-key-program.ts'
import { addMetadefCommands } from './metadef-program.ts'
import { addNoticeCommands } from './notice-program.ts'
import type { OutputOptions } from './output/formats.ts'
import { addReceiveCommands } from './receive-program.ts'
import { addShareCommands } from './share-program.ts'
import { addStoreCommands } from './store-program.ts'
import { version } from './version.ts'
import { type Invoke, imageArgument, withOutput } from './with-output.ts'

const exitCodes = `
Exit codes:
  0 done            3 not found              6 quota or limit of size
  1 error           4 denied                 7 no answer, or busy: try later
  2 wrong usage     5 conflict, ambiguous    130 interrupted

The cloud is named by --cloud or OS_CLOUD (see clouds.yaml, OS_CLIENT_CONFIG_FILE), or by the OS_* variables of an
openrc file. An image is named by its id, the first 8 or more characters of it, or a name that only one image has.`

const addOtherCommands = (program: Command, context: Context, invoke: Invoke): void => {
  program.commandsGroup('More:')
  withOutput(program.command('events'))
    .description('show what happened to an image, newest first')
    .argument(...imageArgument)
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .action(async (image: string, options: OutputOptions & { limit: number }, command: Command) => {
      const { listEvents } = await import('./commands/events.ts')
      await listEvents(invoke(command), image, options)
    })
  withOutput(program.command('whoami'))
    .description('show your project, user and roles; producers share with the project id')
    .action(async (options: OutputOptions, command: Command) => {
      const { showIdentity } = await import('./commands/whoami.ts')
      await showIdentity(invoke(command), options)
    })
  program
    .command('serve')
    .description('run an image service')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one (default 127.0.0.1:9292)')
    .option('--data <dir>', 'folder of everything that the service keeps (default ./data)')
    .option('--config <file>', 'file of settings (YAML)')
    .option('--demo', 'also make a producer, a consumer and a clouds.yaml to try it with')
    .action(async (options: ServeOptions) => {
      const { serve } = await import('./commands/serve.ts')
      await serve(context, options)
    })
  addMasterKeyCommands(program, context)
  program
    .command('completion')
    .description('print the completion script of a shell: source <(vitrine completion bash)')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell) => {
      const { completionScripts } = await import('./commands/completion.ts')
      await write(context.out, completionScripts[shell])
    })
}

/** All commands. What a command needs is loaded when it runs, so that help and completion are there at once. */
export const createProgram = (context: Context): Command => {
  const program = new Command('vitrine')
    .description('Share machine images between the projects of a cloud.')
    .version(version, '-V, --version', 'show the version')
    .addOption(new Option('--cloud <name>', 'cloud of clouds.yaml to talk to'))
    .addOption(new Option('--os-cloud <name>', 'the same').hideHelp())
    .option('--region <name>', 'region of the cloud')
    .option('--debug', 'show requests, without their secrets')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.out.stream.write(text),
      writeErr: (text) => context.talk.stream.write(text),
      outputError: (text, print) => print(text.replace(/^error: /, 'vitrine: ')),
      getOutHasColors: () => context.out.colour,
      getErrHasColors: () => context.talk.colour,
      getOutHelpWidth: () => (context.out.isTerminal ? context.out.columns() : 100),
      getErrHelpWidth: () => (context.talk.isTerminal ? context.talk.columns() : 100),
    })
    .exitOverride()
    .addHelpText('after', exitCodes)
  const invoke: Invoke = (command) => {
    const { osCloud, ...settings } = command.optsWithGlobals<GlobalOptions & { osCloud?: string }>()
    return { ...context, settings: { ...settings, cloud: settings.cloud ?? osCloud } }
  }
  program.commandsGroup('Images:')
  addImageCommands(program, invoke)
  addShareCommands(program, invoke)
  addReceiveCommands(program, invoke)
  addCatalogueCommands(program, invoke)
  addKeyCommands(program, invoke)
  addNoticeCommands(program, invoke)
  addLinkCommands(program, invoke)
  addStoreCommands(program, invoke)
  addMetadefCommands(program, invoke)
  addOtherCommands(program, context, invoke)
  return program
}
