import { rectifyConfusion } from 'unicode-confusables'

/** Which names people would take for one another. */

/** What reads alike in ASCII, each to the one form that stands for all. */
const asciiLookAlikes: readonly (readonly [RegExp, string])[] = [
  [/[0o]/g, 'o'],
  [/[1i|!]/g, 'l'],
  [/5/g, 's'],
  [/vv/g, 'w'],
  [/rn/g, 'm'],
]

/**
 * What a name looks like: equal for names that can be taken for one another, whatever the script, the letter case, accents,
 * invisible characters, spaces and punctuation (https://www.unicode.org/reports/tr39/, and look-alikes of ASCII).
 * Empty for a name without letters and digits.
 */
export const skeletonOf = (name: string): string => {
  // A capital often looks like another letter than the small one does, so both are asked for.
  let text = rectifyConfusion(name.normalize('NFKC')).toLowerCase()
  text = rectifyConfusion(text).normalize('NFKD').toLowerCase()
  text = text.replace(/[^\p{L}\p{N}|!]/gu, '')
  for (const [lookAlike, letter] of asciiLookAlikes) text = text.replace(lookAlike, letter)
  return text
}

/** Handles that would speak for the service, for the cloud or for everyone. */
const reserved: ReadonlySet<string> = new Set(
  [
    'about',
    'account',
    'admin',
    'administrator',
    'all',
    'anonymous',
    'api',
    'catalogue',
    'cloud',
    'community',
    'console',
    'demo-admin',
    'everyone',
    'glance',
    'help',
    'identity',
    'images',
    'keystone',
    'new',
    'official',
    'openstack',
    'operator',
    'postmaster',
    'producers',
    'public',
    'root',
    'search',
    'security',
    'service',
    'staff',
    'support',
    'system',
    'trusted',
    'verified',
    'vitrine',
    'webmaster',
  ].map(skeletonOf),
)

/** Whether nobody can have a handle that looks like this. */
export const isReserved = (skeleton: string): boolean => reserved.has(skeleton)
