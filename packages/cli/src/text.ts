/**
 * Characters that a terminal obeys or that reorder what is shown. Names of images come from other projects, which must
 * not be able to recolour, overwrite or hide lines of the reader.
 */
const obeyed = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** The text on one line, with characters that a terminal obeys spelt out (`\u{1b}`). */
export const printable = (text: string): string =>
  text.replace(obeyed, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)

const ascii = /^[ -~]*$/
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
const segmenter = new Intl.Segmenter()

/** Columns that a text takes on a terminal. */
export const displayWidth = (text: string): number => {
  if (ascii.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += invisible.test(segment) ? 0 : wide.test(segment) ? 2 : 1
  return width
}

export const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - displayWidth(text)))

/** As much of the beginning of a text as such a width has room for, with `…` where something is left out. */
export const fitted = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text
  let kept = ''
  for (const { segment } of segmenter.segment(text)) {
    if (displayWidth(kept + segment) >= width) break
    kept += segment
  }
  return width < 1 ? '' : `${kept}…`
}
