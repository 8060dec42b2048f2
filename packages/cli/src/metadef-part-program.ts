import { type Command, Option } from 'commander'
import { collect } from './arguments.ts'
import type { ObjectOptions } from './commands/metadef-objects.ts'
import type { PropertyOptions } from './commands/metadef-properties.ts'
import type { AssociationOptions } from './commands/metadef-tags.ts'
import type { OutputOptions } from './output/formats.ts'
import { propertyTypes } from './property-types.ts'
import { type Invoke, withOutput } from './with-output.ts'

interface YesOptions {
  yes?: boolean
}

const namespaceArgument = ['<namespace>', 'name of the namespace'] as const
const jsonOrFile = 'JSON, or a file of it; - is the standard input'

const objects = () => import('./commands/metadef-objects.ts')
const properties = () => import('./commands/metadef-properties.ts')
const tags = () => import('./commands/metadef-tags.ts')

const listOf = (parent: Command, what: string): Command =>
  withOutput(parent.command('list'))
    .description(`list the ${what} of a namespace`)
    .argument(...namespaceArgument)

/** A command about one part, or with `<name...>` about several. */
const about = (parent: Command, name: string, description: string, part: string, what: string): Command =>
  parent
    .command(name)
    .description(description)
    .argument(...namespaceArgument)
    .argument(part, what)

const withYes = (command: Command): Command => command.option('-y, --yes', 'do not ask')

const withSchema = (command: Command): Command =>
  withOutput(command)
    .option('--title <text>', 'its name for people')
    .addOption(new Option('--type <type>', 'of its values').choices(propertyTypes))
    .option('--description <text>', 'what it means')

const addProperties = (md: Command, invoke: Invoke): void => {
  const group = md.command('property').description('properties of a namespace')
  listOf(group, 'properties').action(async (namespace: string, options: OutputOptions, command: Command) => {
    await (await properties()).listProperties(invoke(command), namespace, options)
  })
  withOutput(about(group, 'show', 'show a property', '<name>', 'name of the property'))
    .option('--for <type>', 'its name is the one that resources of this type have, with the prefix')
    .action(async (namespace: string, name: string, options: OutputOptions & { for?: string }, command: Command) => {
      await (await properties()).showProperty(invoke(command), namespace, name, options)
    })
  const what = 'name of the property'
  withSchema(about(group, 'create', 'make a property; for administrators, as all that follows', '<name>', what))
    .option('--schema <schema>', `other words of its schema, such as enum: ${jsonOrFile}`)
    .action(async (namespace: string, name: string, options: PropertyOptions, command: Command) => {
      await (await properties()).createProperty(invoke(command), namespace, name, options)
    })
  withSchema(about(group, 'set', 'change a property; what is not named stays', '<name>', what))
    .option('--schema <schema>', `words of its schema to change, null takes one away: ${jsonOrFile}`)
    .option('--name <name>', 'another name')
    .action(async (namespace: string, name: string, options: PropertyOptions, command: Command) => {
      await (await properties()).setProperty(invoke(command), namespace, name, options)
    })
  withYes(about(group, 'delete', 'delete properties', '<name...>', 'names of properties')).action(
    async (namespace: string, names: string[], options: YesOptions, command: Command) => {
      await (await properties()).deleteProperties(invoke(command), namespace, names, options)
    },
  )
}

const withObject = (command: Command): Command =>
  withOutput(command)
    .option('--description <text>', 'what it is for')
    .option('--required <property>', 'a property that must be given; may be repeated', collect)
    .option('--properties <properties>', `all its properties, by their names: ${jsonOrFile}`)

const addObjects = (md: Command, invoke: Invoke): void => {
  const group = md.command('object').description('objects of a namespace: properties that belong together')
  const what = 'name of the object'
  listOf(group, 'objects').action(async (namespace: string, options: OutputOptions, command: Command) => {
    await (await objects()).listObjects(invoke(command), namespace, options)
  })
  withOutput(about(group, 'show', 'show an object with its properties', '<name>', what)).action(
    async (namespace: string, name: string, options: OutputOptions, command: Command) => {
      await (await objects()).showObject(invoke(command), namespace, name, options)
    },
  )
  withObject(about(group, 'create', 'make an object; for administrators, as all that follows', '<name>', what)).action(
    async (namespace: string, name: string, options: ObjectOptions, command: Command) => {
      await (await objects()).createObject(invoke(command), namespace, name, options)
    },
  )
  withObject(about(group, 'set', 'change an object; what is not named stays', '<name>', what))
    .option('--name <name>', 'another name')
    .action(async (namespace: string, name: string, options: ObjectOptions, command: Command) => {
      await (await objects()).setObject(invoke(command), namespace, name, options)
    })
  withYes(about(group, 'delete', 'delete objects', '<name...>', 'names of objects')).action(
    async (namespace: string, names: string[], options: YesOptions, command: Command) => {
      await (await objects()).deleteObjects(invoke(command), namespace, names, options)
    },
  )
}

const addTags = (md: Command, invoke: Invoke): void => {
  const group = md.command('tag').description('tags of a namespace: words that it offers')
  listOf(group, 'tags').action(async (namespace: string, options: OutputOptions, command: Command) => {
    await (await tags()).listTags(invoke(command), namespace, options)
  })
  withOutput(about(group, 'show', 'show a tag', '<name>', 'the tag')).action(
    async (namespace: string, name: string, options: OutputOptions, command: Command) => {
      await (await tags()).showTag(invoke(command), namespace, name, options)
    },
  )
  about(
    group,
    'create',
    'make tags, all of them or none; for administrators, as all that follows',
    '<name...>',
    'the tags',
  ).action(async (namespace: string, names: string[], _options: object, command: Command) => {
    await (await tags()).createTags(invoke(command), namespace, names)
  })
  withOutput(about(group, 'set', 'rename a tag', '<name>', 'the tag'))
    .requiredOption('--name <name>', 'another name')
    .action(async (namespace: string, name: string, options: OutputOptions & { name: string }, command: Command) => {
      await (await tags()).renameTag(invoke(command), namespace, name, options)
    })
  withYes(about(group, 'delete', 'delete tags', '<name...>', 'the tags')).action(
    async (namespace: string, names: string[], options: YesOptions, command: Command) => {
      await (await tags()).deleteTags(invoke(command), namespace, names, options)
    },
  )
}

const addResourceTypes = (md: Command, invoke: Invoke): void => {
  const group = md.command('resource-type').description('the types of resources that a namespace is for')
  listOf(group, 'resource types').action(async (namespace: string, options: OutputOptions, command: Command) => {
    await (await tags()).listAssociations(invoke(command), namespace, options)
  })
  withOutput(about(group, 'add', 'have a namespace for a type; for administrators', '<type>', 'OS::Glance::Image'))
    .option('--prefix <prefix>', 'stands before the names of properties on such resources')
    .option('--target <target>', 'what of such a resource has the properties')
    .action(async (namespace: string, type: string, options: AssociationOptions, command: Command) => {
      await (await tags()).addAssociation(invoke(command), namespace, type, options)
    })
  const remove = about(group, 'remove', 'have it for types no more; for administrators', '<type...>', 'the types')
  withYes(remove).action(async (namespace: string, types: string[], options: YesOptions, command: Command) => {
    await (await tags()).removeAssociations(invoke(command), namespace, types, options)
  })
}

/** What is in a namespace, piece by piece. */
export const addMetadefPartCommands = (md: Command, invoke: Invoke): void => {
  addProperties(md, invoke)
  addObjects(md, invoke)
  addTags(md, invoke)
  addResourceTypes(md, invoke)
}
