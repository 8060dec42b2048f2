import { type Command, InvalidArgumentError } from 'commander'
import { parseCount } from './arguments.ts'
import type { CatalogueOptions, ShowOptions } from './commands/catalogue.ts'
import type { PublishOptions } from './commands/listings.ts'
import type { ProducerOptions } from './commands/producer.ts'
import type { RequestOptions } from './commands/request.ts'
import type { ListingOptions } from './listing-options.ts'
import type { OutputOptions } from './output/formats.ts'
import { type ShownFact, shownFacts } from './shown-facts.ts'
import { type Invoke, imageArgument, withOutput, withParents } from './with-output.ts'

const urlOption = ['--url <url>', 'address of the service; no account is needed then'] as const
const listingArgument = ['<listing>', 'HANDLE/SLUG, or the address of its page'] as const

const addReading = (program: Command, invoke: Invoke): void => {
  const catalogue = withOutput(program.command('catalogue'))
    .description('search the public catalogue')
    .argument('[word...]', 'words to look for')
    .option('--os <name>', 'only with this operating system')
    .option('--architecture <name>', 'only for this architecture, such as x86_64')
    .option('--producer <handle>', 'only of this producer')
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .option(...urlOption)
    .action(async (words: string[], options: CatalogueOptions, command: Command) => {
      const { searchCatalogue } = await import('./commands/catalogue.ts')
      await searchCatalogue(invoke(command), words, options)
    })
  withOutput(catalogue.command('show'))
    .description('show a listing')
    .argument(...listingArgument)
    .option(...urlOption)
    .action(async (listing: string, _options: object, command: Command) => {
      const { showCatalogueListing } = await import('./commands/catalogue.ts')
      await showCatalogueListing(invoke(command), listing, withParents<ShowOptions>(command))
    })
  const request = withOutput(program.command('request'))
    .description('ask a producer for access to a listed image')
    .argument(...listingArgument)
    .option('--email <address>', 'where the answer goes')
    .option('--project <project>', 'id, or name of one of your projects (default: your own)')
    .option('--message <text>', 'what the producer should know')
    .option('--any-id', 'take a project id of any form')
    .option(...urlOption)
    .action(async (listing: string, options: RequestOptions, command: Command) => {
      const { requestAccess } = await import('./commands/request.ts')
      await requestAccess(invoke(command), listing, options)
    })
  withOutput(request.command('show'))
    .description('show how a request stands')
    .argument('<address>', 'the secret address that the answer to the request told')
    .action(async (address: string, _options: object, command: Command) => {
      const { showRequest } = await import('./commands/request.ts')
      await showRequest(invoke(command), address, withParents<OutputOptions>(command))
    })
}

const isShownFact = (word: string): word is ShownFact => shownFacts.some((fact) => fact === word)

const collectFacts = (text: string, before: readonly ShownFact[] = []): ShownFact[] => {
  const words = text === '' ? [] : text.split(',').map((word) => word.trim())
  if (!words.every(isShownFact)) throw new InvalidArgumentError(`Choose from ${shownFacts.join(', ')}.`)
  return [...new Set([...before, ...words])]
}

const withListingOptions = (command: Command): Command =>
  command
    .option('--summary <text>', 'one sentence')
    .option('--description <file>', 'Markdown; - for the standard input')
    .option('--os <name>', 'operating system')
    .option('--os-version <version>', 'its version')
    .option('--architecture <name>', 'such as x86_64')
    .option('--licence <name>', 'licence: a name or an SPDX identifier')
    .option('--terms <file>', 'terms that the requester agrees to, in Markdown; - for the standard input')
    .option('--docs <url>', 'documentation')
    .option('--contact <email>', 'where people ask; everybody sees it')
    .option('--show <fact,...>', `what everybody sees of the image: ${shownFacts.join(', ')}`, collectFacts)
    .option('--icon <file>', 'picture: PNG, JPEG or WebP')

const addListings = (program: Command, invoke: Invoke): void => {
  withListingOptions(
    withOutput(program.command('publish'))
      .description('announce an image in the public catalogue')
      .argument(...imageArgument)
      .requiredOption('--title <title>', 'title')
      .option('--slug <slug>', 'part of the address (default: from the title)'),
  ).action(async (image: string, options: PublishOptions, command: Command) => {
    const { publishImage } = await import('./commands/listings.ts')
    await publishImage(invoke(command), image, options)
  })
  withOutput(program.command('listings'))
    .description('show what you published')
    .action(async (options: OutputOptions, command: Command) => {
      const { listListings } = await import('./commands/listings.ts')
      await listListings(invoke(command), options)
    })
  const listing = program.command('listing').description('show, change and withdraw what you published')
  const ownListing = ['<listing>', 'id, beginning of the id, or slug'] as const
  withOutput(listing.command('show'))
    .description('show everything about a listing')
    .argument(...ownListing)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { showListing } = await import('./commands/listings.ts')
      await showListing(invoke(command), reference, options)
    })
  withListingOptions(
    withOutput(listing.command('set'))
      .description('change a listing; an empty text takes a value away')
      .argument(...ownListing)
      .option('--title <title>', 'title'),
  ).action(async (reference: string, options: ListingOptions, command: Command) => {
    const { setListing } = await import('./commands/listings.ts')
    await setListing(invoke(command), reference, options)
  })
  listing
    .command('withdraw')
    .description('take a listing out of the catalogue; shares that came of it stay')
    .argument(...ownListing)
    .option('-y, --yes', 'do not ask')
    .action(async (reference: string, options: { yes?: boolean }, command: Command) => {
      const { withdrawListing } = await import('./commands/listings.ts')
      await withdrawListing(invoke(command), reference, options)
    })
}

const addProducer = (program: Command, invoke: Invoke): void => {
  const producer = withOutput(program.command('producer'))
    .description('show your profile in the catalogue')
    .action(async (options: OutputOptions, command: Command) => {
      const { showProducer } = await import('./commands/producer.ts')
      await showProducer(invoke(command), options)
    })
  withOutput(producer.command('set'))
    .description('make or change your profile; an empty text takes a value away')
    .option('--handle <handle>', 'unique part of your addresses: small letters, digits, hyphens')
    .option('--name <name>', 'name for people')
    .option('--description <file>', 'Markdown; - for the standard input')
    .option('--website <url>', 'your own page')
    .option('--contact <email>', 'where people reach you; everybody sees it')
    .action(async (_options: object, command: Command) => {
      const { setProducer } = await import('./commands/producer.ts')
      await setProducer(invoke(command), withParents<ProducerOptions>(command))
    })
}

export const addCatalogueCommands = (program: Command, invoke: Invoke): void => {
  program.commandsGroup('Catalogue:')
  addReading(program, invoke)
  addListings(program, invoke)
  addProducer(program, invoke)
}
