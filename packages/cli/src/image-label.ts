import type { Image } from '@vitrine/sdk'
import { printable } from './text.ts'

/** An image as it is named to a person: by its name, and by the id that nobody else has. */
export const imageLabel = (image: Image): string => `${printable(image.name ?? '(no name)')} (${image.id})`
