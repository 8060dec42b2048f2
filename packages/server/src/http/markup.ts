/** Text that is markup already and is put in as it is. */
class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

export type { Markup }

export type MarkupValue = Markup | string | number | null | undefined | false | readonly MarkupValue[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for the content or a quoted attribute of HTML or XML. Characters that XML cannot hold are replaced. */
export const escapeMarkup = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] ?? character)
    .replace(/[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff]/gu, '\ufffd')

const rendered = (value: MarkupValue): string => {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (typeof value === 'string' || typeof value === 'number') return escapeMarkup(String(value))
  return value.map(rendered).join('')
}

/** `html\`<p>${text}</p>\``: values are escaped unless they were made by `html` themselves. */
export const html = (texts: TemplateStringsArray, ...values: MarkupValue[]): Markup =>
  new Markup(texts.reduce((all, text, index) => all + rendered(values[index - 1]) + text))

/** Markup of a sanitiser: the one other way in. */
export const sanitised = (text: string): Markup => new Markup(text)
