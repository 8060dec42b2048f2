import { html, type Markup } from '../http/markup.ts'

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
const whole = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

/** A size for people, and exactly: `613 MiB (642,515,456 bytes)`. */
export const sizeText = (bytes: number): string => {
  const exact = `${whole.format(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10))
  return unit === 0 ? exact : `${short.format(bytes / 1024 ** unit)} ${units[unit]} (${exact})`
}

/** An address of a mailbox as a link that fills in nothing else, such as more recipients. */
export const mailboxMarkup = (address: string): Markup =>
  html`<a href="mailto:${encodeURIComponent(address).replaceAll('%40', '@')}">${address}</a>`

/** A day, with the instant for machines. */
export const dayMarkup = (instant: number): Markup =>
  html`<time datetime="${new Date(instant).toISOString()}">${day.format(instant)}</time>`
