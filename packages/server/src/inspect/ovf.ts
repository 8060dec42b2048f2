import { isSafeName } from './member-name.ts'

/** How much of an OVF descriptor is read; real ones have some ten thousand bytes. */
export const maxOvfBytes = 2 ** 20

/**
 * Why an OVF descriptor (DMTF DSP0243) must not be given to a program that follows it. It is searched as text; no XML is
 * interpreted here.
 */
export const whyOvfUnsafe = (bytes: Uint8Array): string | null => {
  // Other encodings than UTF-8 could hide what is searched for.
  if (bytes.includes(0) || bytes[0] === 0xfe || bytes[0] === 0xff) return 'it is not in UTF-8'
  const text = Buffer.from(bytes).toString('utf8')
  if (!/^(?:\ufeff)?\s*</.test(text)) return 'it is no XML'
  if (/^[^>]*encoding\s*=\s*["'](?!utf-?8["']|us-ascii["'])/i.test(text.slice(0, 200))) return 'it is not in UTF-8'
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return 'it defines entities'
  for (const [tag] of text.matchAll(/<(?:[\w.-]+:)?(?:File|include)\s[^<]*/gi)) {
    for (const [, double, single] of tag.matchAll(/href\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)) {
      const name = double ?? single ?? ''
      if (name.includes('&#') || name.includes('%') || name.includes(':') || !isSafeName(name)) {
        return 'it names a file outside of the archive'
      }
    }
  }
  return null
}
