import { type Command, Option } from 'commander'
import { parseCount } from './arguments.ts'
import type { StoresOptions, TaskListOptions } from './commands/stores.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, withOutput } from './with-output.ts'

const taskStatuses = ['pending', 'processing', 'success', 'failure']

const addTasks = (program: Command, invoke: Invoke): void => {
  const task = program.command('task').description('look after long work of the whole cloud; for administrators')
  withOutput(task.command('list'))
    .description('list tasks, newest first')
    .addOption(new Option('--status <status>', 'only of this status').choices(taskStatuses))
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .action(async (options: TaskListOptions, command: Command) => {
      const { listTasks } = await import('./commands/stores.ts')
      await listTasks(invoke(command), options)
    })
  withOutput(task.command('show'))
    .description('show everything about a task')
    .argument('<task>', 'id')
    .action(async (id: string, options: OutputOptions, command: Command) => {
      const { showTask } = await import('./commands/stores.ts')
      await showTask(invoke(command), id, options)
    })
}

const addCache = (program: Command, invoke: Invoke): void => {
  const cache = program
    .command('cache')
    .description('look after the copies of images on the machine of the service; for administrators')
  withOutput(cache.command('list'))
    .description('list what is cached, and what waits to be')
    .action(async (options: OutputOptions, command: Command) => {
      const { listCache } = await import('./commands/cache.ts')
      await listCache(invoke(command), options)
    })
  cache
    .command('add')
    .description('have images cached')
    .argument('<image...>', 'ids, beginnings of ids, or names')
    .action(async (images: string[], _options: object, command: Command) => {
      const { addToCache } = await import('./commands/cache.ts')
      await addToCache(invoke(command), images)
    })
  cache
    .command('remove')
    .description('remove images from the cache, or from its queue')
    .argument('<image...>', 'ids, beginnings of ids, or names')
    .action(async (images: string[], _options: object, command: Command) => {
      const { removeFromCache } = await import('./commands/cache.ts')
      await removeFromCache(invoke(command), images)
    })
  cache
    .command('clear')
    .description('empty the cache and its queue')
    .addOption(new Option('--only <what>', 'only one of them').choices(['cache', 'queue']))
    .action(async (options: { only?: 'cache' | 'queue' }, command: Command) => {
      const { clearCache } = await import('./commands/cache.ts')
      await clearCache(invoke(command), options.only)
    })
  for (const [name, description] of [
    ['clean', 'remove what is of no use any more'],
    ['prune', 'bring the cache down to its size'],
  ] as const) {
    cache
      .command(name)
      .description(description)
      .action(async (_options: object, command: Command) => {
        const { tidyCache } = await import('./commands/cache.ts')
        await tidyCache(invoke(command), name)
      })
  }
}

export const addStoreCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Cloud:')
  withOutput(program.command('stores'))
    .description('show where the cloud can keep bytes')
    .option('--details', 'also type, weight and properties; for administrators')
    .action(async (options: StoresOptions, command: Command) => {
      const { listStores } = await import('./commands/stores.ts')
      await listStores(invoke(command), options)
    })
  withOutput(program.command('usage'))
    .description('show how much of its limits your project uses')
    .action(async (options: OutputOptions, command: Command) => {
      const { showUsage } = await import('./commands/stores.ts')
      await showUsage(invoke(command), options)
    })
  addTasks(program, invoke)
  addCache(program, invoke)
}
