/** Values of list filters, for `listImages`. Other clouds know the same operators. */

/** Exactly this text, also when it holds a colon, which would be read as an operator: `name: equalTo('a:b')`. */
export const equalTo = (text: string): string => `eq:${text}`

/** One of these texts: `status: oneOf('queued', 'saving')`. */
export const oneOf = (...texts: readonly string[]): string =>
  `in:${texts.map((text) => (/[\s,"]/.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text)).join(',')}`

const instant = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z')

/** At that instant or later, to the second: `createdAt: since(date)`. */
export const since = (date: Date): string => `gte:${instant(date)}`

/** Earlier than that instant, to the second. */
export const before = (date: Date): string => `lt:${instant(date)}`
