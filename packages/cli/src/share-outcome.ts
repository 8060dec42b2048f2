import type { Image } from '@vitrine/sdk'
import type { ToldError } from './command-error.ts'
import type { Terms } from './commands/share-terms.ts'

/** What became of one project, or would become. */
export interface Outcome {
  project: string
  status: string | null
  result: string
}

export interface ShareRequest {
  image: Image
  /** Ids, or `name@domain`. */
  projects: readonly string[]
  terms: Terms
  /** Let the projects use the key of an encrypted image, too. */
  grant: boolean
  dryRun: boolean
}

export interface Shared {
  outcomes: Outcome[]
  failed: ToldError | undefined
}
