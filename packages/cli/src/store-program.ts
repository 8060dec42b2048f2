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
}
