import { html, type Markup } from '../http/markup.ts'

/** One part of a mail; each is rendered as text and as HTML. */
export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  /** Words of a person, marked as such. */
  | { readonly kind: 'quotation'; readonly by: string; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [label: string, value: string])[] }
  /** Lines to be copied into a terminal. */
  | { readonly kind: 'commands'; readonly intro: string; readonly lines: readonly string[] }
  | { readonly kind: 'link'; readonly label: string; readonly url: string }

/** A mail before it has a form. */
export interface Letter {
  readonly subject: string
  readonly blocks: readonly Block[]
}

const nameMax = 80
const quotedMax = 2000

// Control characters, line ends, marks that turn the direction of writing or cannot be seen.
const unfit = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu

/** A text from somewhere as one line without tricks, shortened. */
export const oneLine = (text: string, max = nameMax): string => {
  const plain = [...text.replace(unfit, ' ').replace(/ {2,}/g, ' ').trim()]
  return plain.length <= max ? plain.join('') : `${plain.slice(0, max - 1).join('')}…`
}

/** The same between quotation marks of which it can hold none. */
export const quoted = (text: string): string => `"${oneLine(text).replaceAll('"', "'")}"`

const linesOf = (text: string): string[] => {
  const lines = text
    .slice(0, quotedMax)
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => oneLine(line, quotedMax))
  return text.length > quotedMax ? [...lines, '…'] : lines
}

const blockText = (block: Block): string => {
  switch (block.kind) {
    case 'paragraph':
      return block.text
    case 'quotation':
      return [`${block.by} wrote:`, ...linesOf(block.text).map((line) => `> ${line}`)].join('\n')
    case 'facts': {
      const width = Math.max(...block.facts.map(([label]) => label.length)) + 2
      return block.facts.map(([label, value]) => `${`${label}:`.padEnd(width)}${value}`).join('\n')
    }
    case 'commands':
      return [block.intro, ...block.lines.map((line) => `  ${line}`)].join('\n')
    case 'link':
      return `${block.label}:\n${block.url}`
  }
}

const preStyle =
  'background:#f4f4f5;color:#18181b;padding:8px 12px;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px'
const quoteStyle = 'margin:0 0 16px;padding-left:12px;border-left:3px solid #a1a1aa'

const blockHtml = (block: Block): Markup => {
  switch (block.kind) {
    case 'paragraph':
      return html`<p>${block.text}</p>`
    case 'quotation':
      return html`<p>${block.by} wrote:</p><blockquote style="${quoteStyle}">${linesOf(block.text).map((line) => html`${line}<br>`)}</blockquote>`
    case 'facts':
      return html`<table role="presentation">${block.facts.map(([label, value]) => html`<tr><td style="padding-right:16px;vertical-align:top;white-space:nowrap">${label}</td><td style="word-break:break-all">${value}</td></tr>`)}</table>`
    case 'commands':
      return html`<p>${block.intro}</p><pre style="${preStyle}">${block.lines.join('\n')}</pre>`
    case 'link':
      return html`<p><a href="${block.url}">${block.label}</a></p>`
  }
}

/** What stands at the foot of every mail: why it came, and how to have no more of them. */
export interface Footer {
  readonly why: string
  /** Page that ends the mails. */
  readonly unsubscribeUrl: string | null
}

export const letterText = ({ blocks }: Letter, { why, unsubscribeUrl }: Footer): string => {
  const foot = unsubscribeUrl === null ? why : `${why} No more of these mails:\n${unsubscribeUrl}`
  return `${[...blocks.map(blockText), `-- \n${foot}`].join('\n\n')}\n`
}

export const letterHtml = ({ subject, blocks }: Letter, { why, unsubscribeUrl }: Footer): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${subject}</title></head>
<body style="font-family:system-ui,sans-serif;line-height:1.5;max-width:40em;margin:0 auto;padding:16px">
${blocks.map(blockHtml)}
<hr><p style="font-size:13px">${why}${unsubscribeUrl === null ? '' : html` <a href="${unsubscribeUrl}">No more of these mails</a>`}</p>
</body></html>
`.toString()

export const paragraph = (text: string): Block => ({ kind: 'paragraph', text })
