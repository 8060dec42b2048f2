import type { ContainerFormat, DiskFormat, Visibility } from '@vitrine/sdk'
import { type Command, Option } from 'commander'
import { collect, collectPairs, parseCount } from './arguments.ts'
import type { ImageCopyOptions } from './commands/image-copy.ts'
import type { ImageCreateOptions } from './commands/image-create.ts'
import type { DeleteOptions } from './commands/image-delete.ts'
import type { ImageDownloadOptions } from './commands/image-download.ts'
import type { ImageListOptions } from './commands/image-list.ts'
import type { ImageSetOptions } from './commands/image-set.ts'
import type { ImageUploadOptions } from './commands/image-upload.ts'
import { addImportCommands } from './import-program.ts'
import type { OutputOptions } from './output/formats.ts'
import { type Invoke, imageArgument, withOutput } from './with-output.ts'

const visibilities: Visibility[] = ['private', 'shared', 'community', 'public']
const memberStatuses = ['pending', 'accepted', 'rejected', 'all']
const diskFormats: DiskFormat[] = ['qcow2', 'raw', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso', 'ploop', 'ami', 'ari', 'aki']
const containerFormats: ContainerFormat[] = ['bare', 'ovf', 'ova', 'docker', 'compressed', 'ami', 'ari', 'aki']

const addList = (image: Command, invoke: Invoke): void => {
  withOutput(image.command('list'))
    .description('list the images in your list: your own, public ones, and shared ones that you accepted')
    .option('--name <name>', 'only of this name')
    .option('--status <status>', 'only of this status: queued, active, deactivated, ...')
    .option('--tag <tag>', 'only with this tag; may be repeated', collect)
    .addOption(new Option('--visibility <visibility>', 'only of this visibility').choices([...visibilities, 'all']))
    .addOption(new Option('--member-status <status>', 'which shared images to list').choices(memberStatuses))
    .option('--hidden', 'only hidden images')
    .option('--owner <project>', 'only of this project')
    .option('--property <key=value>', 'only with this property; may be repeated', collectPairs)
    .option('--sort <key[:dir],...>', 'order, such as name:asc or size:desc,name:asc')
    .option('--limit <count>', 'how many at most', parseCount, 100)
    .option('--all', 'no limit')
    .action(async (options: ImageListOptions, command: Command) => {
      const { listImages } = await import('./commands/image-list.ts')
      await listImages(invoke(command), options)
    })
  withOutput(image.command('show'))
    .description('show everything about an image')
    .argument(...imageArgument)
    .action(async (reference: string, options: OutputOptions, command: Command) => {
      const { showImage } = await import('./commands/image-show.ts')
      await showImage(invoke(command), reference, options)
    })
}

const addCreate = (image: Command, invoke: Invoke): void => {
  withOutput(image.command('create'))
    .description('create an image, and upload its bytes')
    .argument('<name>', 'name for people; it need not be unique')
    .option('--file <file>', 'bytes to upload; - for the standard input')
    .addOption(
      new Option('--disk-format <format>', 'default: told by the extension of the file, if that is clear').choices(
        diskFormats,
      ),
    )
    .addOption(
      new Option('--container-format <format>', 'container around the disk').choices(containerFormats).default('bare'),
    )
    .addOption(new Option('--visibility <visibility>', 'who can see it').choices(visibilities))
    .option('--property <key=value>', 'custom property; may be repeated', collectPairs)
    .option('--tag <tag>', 'tag; may be repeated', collect)
    .option('--min-disk <gigabytes>', 'disk needed to boot it', parseCount)
    .option('--min-ram <megabytes>', 'memory needed to boot it', parseCount)
    .option('--protected', 'refuse to delete it')
    .option('--hidden', 'leave it out of lists')
    .option('--id <uuid>', 'id to give it')
    .option('--expect-hash <hash>', 'take no bytes with another digest: sha512:HEX, sha256:HEX, ...')
    .option('--expect-size <bytes>', 'take no other number of bytes', parseCount)
    .option('--encrypt', 'have its bytes encrypted, under the default key of your project')
    .option('--key <key>', 'have them encrypted under this key: id, beginning of the id, or name')
    .option('--no-progress', 'do not show how the upload goes')
    .option('--no-resume', 'send all bytes in one request, and do not go on with an upload that was cut off')
    .action(async (name: string, options: ImageCreateOptions, command: Command) => {
      const { createImage } = await import('./commands/image-create.ts')
      await createImage(invoke(command), name, options)
    })
  withOutput(image.command('upload'))
    .description('upload the bytes of an image that has none yet')
    .argument(...imageArgument)
    .requiredOption('--file <file>', 'bytes to upload; - for the standard input')
    .option('--no-progress', 'do not show how the upload goes')
    .option('--no-resume', 'send all bytes in one request, and do not go on with an upload that was cut off')
    .action(async (reference: string, options: ImageUploadOptions, command: Command) => {
      const { uploadImage } = await import('./commands/image-upload.ts')
      await uploadImage(invoke(command), reference, options)
    })
}

const addSet = (image: Command, invoke: Invoke): void => {
  withOutput(image.command('set'))
    .description('change an image: all of it, or nothing')
    .argument(...imageArgument)
    .option('--name <name>', 'new name')
    .addOption(new Option('--visibility <visibility>', 'who can see it').choices(visibilities))
    .option('--property <key=value>', 'set a custom property; may be repeated', collectPairs)
    .option('--unset-property <key>', 'remove a custom property; may be repeated', collect)
    .option('--tag <tag>', 'add a tag; may be repeated', collect)
    .option('--untag <tag>', 'remove a tag; may be repeated', collect)
    .option('--min-disk <gigabytes>', 'disk needed to boot it', parseCount)
    .option('--min-ram <megabytes>', 'memory needed to boot it', parseCount)
    .option('--protected', 'refuse to delete it')
    .option('--no-protected', 'let it be deleted')
    .option('--hidden', 'leave it out of lists')
    .option('--no-hidden', 'show it in lists')
    .option('--active', 'unlock its bytes again')
    .option('--no-active', 'lock its bytes: nobody can download or boot it')
    .addOption(new Option('--disk-format <format>', 'while it has no bytes').choices(diskFormats))
    .addOption(new Option('--container-format <format>', 'while it has no bytes').choices(containerFormats))
    .action(async (reference: string, options: ImageSetOptions, command: Command) => {
      const { setImage } = await import('./commands/image-set.ts')
      await setImage(invoke(command), reference, options)
    })
  image
    .command('delete')
    .description('delete images, their bytes and their shares')
    .argument('<image...>', imageArgument[1])
    .option('--store <store>', 'delete only their bytes in this store; for administrators')
    .option('-y, --yes', 'do not ask')
    .action(async (references: string[], options: DeleteOptions, command: Command) => {
      const { deleteImages } = await import('./commands/image-delete.ts')
      await deleteImages(invoke(command), references, options)
    })
}

const addDownload = (image: Command, invoke: Invoke): void => {
  image
    .command('download')
    .description('download the bytes of an image, checked against its digest')
    .argument(...imageArgument)
    .option(
      '-o, --output <file>',
      'file or folder to save to; - for the standard output; default: named like the image',
    )
    .option('--force', 'replace a file that is there')
    .option('--no-progress', 'do not show how the download goes')
    .option('--no-resume', 'do not go on with a download that was cut off, and leave nothing of one')
    .action(async (reference: string, options: ImageDownloadOptions, command: Command) => {
      const { downloadImage } = await import('./commands/image-download.ts')
      await downloadImage(invoke(command), reference, options)
    })
}

const addCopy = (image: Command, invoke: Invoke): void => {
  withOutput(image.command('copy'))
    .description('copy an image into your project; an encrypted one under a key of yours')
    .argument(...imageArgument)
    .option('--name <name>', 'name of the copy (default: that of the image)')
    .option('--encrypt', 'encrypt the copy (default: if the image is encrypted)')
    .option('--plain', 'do not encrypt the copy')
    .option('--key <key>', 'encrypt it under this key: id, beginning of the id, or name')
    .option('--wait', 'until it is done')
    .action(async (reference: string, options: ImageCopyOptions, command: Command) => {
      const { copyImage } = await import('./commands/image-copy.ts')
      await copyImage(invoke(command), reference, options)
    })
}

export const addImageCommands = (program: Command, invoke: Invoke): void => {
  const image = program.command('image').description('create, list, change, upload, copy and download images')
  addList(image, invoke)
  addCreate(image, invoke)
  addSet(image, invoke)
  addImportCommands(image, invoke)
  addCopy(image, invoke)
  addDownload(image, invoke)
}
