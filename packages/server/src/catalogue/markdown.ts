import MarkdownIt from 'markdown-it'
import sanitize from 'sanitize-html'
import { apiError } from '../api-error.ts'
import { type Markup, sanitised } from '../http/markup.ts'

/** The page has the first two levels of headings. */
const firstLevel = 3
const lastLevel = 6

const markdown = new MarkdownIt({ html: false, linkify: true, maxNesting: 20 }).disable('image')
// Words that only look like host names stay words.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false })

/** The levels of headings in their order, with none left out on the way down. */
const levelled = (levels: readonly number[]): number[] => {
  const open: number[] = []
  return levels.map((level) => {
    while ((open.at(-1) ?? 0) >= level) open.pop()
    open.push(level)
    return Math.min(lastLevel, firstLevel + open.length - 1)
  })
}

markdown.core.ruler.push('fit_headings', ({ tokens }) => {
  const headings = tokens.filter(({ type }) => type === 'heading_open' || type === 'heading_close')
  const openings = headings.filter(({ type }) => type === 'heading_open')
  const levels = levelled(openings.map(({ tag }) => Number(tag.slice(1))))
  headings.forEach((token, index) => {
    token.tag = `h${levels[Math.floor(index / 2)]}`
  })
})

const isWebLink = (address: string): boolean => /^(?:https?:\/\/|mailto:)/i.test(address)

/** What may stand in a text of a producer, whatever the parser made of it. */
const allowed: sanitize.IOptions = {
  allowedTags: [
    ...['p', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'pre', 'code', 'hr', 'br'],
    ...['em', 'strong', 's', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  allowedAttributes: { a: ['href', 'rel'], ol: ['start'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowProtocolRelative: false,
  disallowedTagsMode: 'escape',
  nestingLimit: 100,
  transformTags: {
    // A link leads to another place, not to a page of ours that it could be mistaken for.
    a: (tagName, { href = '' }) =>
      isWebLink(href) ? { tagName, attribs: { href, rel: 'nofollow noopener ugc' } } : { tagName: 's', attribs: {} },
  },
}

/**
 * Text of a producer as markup: no HTML of its own, no pictures, no scripts, headings below those of the page. Links say
 * that nobody vouches for them.
 */
export const renderMarkdown = (text: string): Markup => sanitised(sanitize(markdown.render(text), allowed))

/** Elements of one text. Making a page costs by them, and everyone may ask for the page. */
const elementsMax = 3000

/**
 * Refuses a text that is short but becomes an endless page, such as a table of a hundred columns.
 * @throws ApiError `invalid_body`
 */
export const checkMarkdown = (name: string, text: string | null | undefined): void => {
  if (text === null || text === undefined) return
  const elements = markdown.render(text).match(/<[a-z]/g)?.length ?? 0
  if (elements > elementsMax) {
    throw apiError('invalid_body', { why: `${name} has more than ${elementsMax} parts such as links, cells and items` })
  }
}
