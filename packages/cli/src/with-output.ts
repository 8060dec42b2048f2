import { type Command, Option } from 'commander'
import { collectColumns } from './arguments.ts'
import type { Invocation } from './context.ts'
import { formats } from './output/formats.ts'

/** The surroundings of a command that was called, with the options that stand before or after it. */
export type Invoke = (command: Command) => Invocation

/**
 * Options of a command whose parent has some of the same name: wherever they stand, the parent takes them, so its values
 * are the ones that were given.
 */
export const withParents = <T extends object>(command: Command): T => command.optsWithGlobals<T>()

/** How a command line names an image. */
export const imageArgument = ['<image>', 'id, beginning of the id, or name'] as const

/** `-f` and `-c`, which every command has that shows data. */
export const withOutput = (command: Command): Command =>
  command
    .addOption(new Option('-f, --format <format>', 'how data is shown').choices(formats).default('table'))
    .option('-c, --column <column>', 'show only this attribute; may be repeated', collectColumns)
