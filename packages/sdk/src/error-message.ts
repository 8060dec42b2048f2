import { isJsonObject, type JsonObject, type JsonValue, stringIn } from './json.ts'

const maxLength = 2000

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
  '&#39;': "'",
  '&nbsp;': ' ',
  '&amp;': '&',
}

const withoutTags = (text: string): string =>
  text
    .replace(/<(head|script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<[^<>]*>/g, '\n')
    .replace(/&(?:lt|gt|quot|nbsp|amp|#x27|#39);/g, (entity) => entities[entity] ?? entity)

/** One line of plain words: an error is shown on terminals, which obey control characters. */
const plain = (text: string, heading: RegExp): string => {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim())
    .filter((line) => line !== '' && !heading.test(line))
  return [...new Set(lines)].join(': ').slice(0, maxLength)
}

const nestedMessage = (body: JsonObject): string | undefined => {
  for (const value of Object.values(body)) {
    if (!isJsonObject(value)) continue
    const message = stringIn(value, 'message')
    if (message !== undefined) return message
  }
  return undefined
}

/**
 * What the service said, in one line. Clouds differ: the message stands in a nested object (`{"error": {...}}`, or
 * another key in Identity v2.0), flat with markup in it (Glance), in an HTML page, or in text that begins with the
 * status line. Nothing of that readable: the reason phrase.
 */
export const errorMessage = (status: number, body: JsonValue, reason?: string): string => {
  // "404 Not Found" as a line of its own says nothing that `status` does not.
  const heading = new RegExp(`^${status}(?: [A-Z][A-Za-z'-]*){0,6}$`)
  const fallback = reason === undefined || reason === '' ? `HTTP status ${status}` : reason
  if (isJsonObject(body)) {
    const nested = nestedMessage(body)
    if (nested !== undefined) return plain(nested, heading) || fallback
    return plain(withoutTags(stringIn(body, 'message') ?? ''), heading) || fallback
  }
  if (typeof body !== 'string') return fallback
  return plain(/<[a-z!][^<>]*>/i.test(body) ? withoutTags(body) : body, heading) || fallback
}
