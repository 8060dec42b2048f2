import type { Progress } from './progress.ts'
import type { Fetch } from './transport.ts'

/** Answer headers by name from the text that XMLHttpRequest has of them. */
const headersOf = (text: string): Headers => {
  const headers = new Headers()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return headers
}

/** Statuses whose answers cannot have a body; `Response` refuses one. */
const bodiless = new Set([204, 205, 304])

/**
 * Sends a Blob by XMLHttpRequest: the only way a page can upload gigabytes over HTTP/1.1 without holding them in memory
 * and show how far it is. Looks like `fetch` to the transport.
 */
export const pageUpload =
  (onProgress: (progress: Progress) => void): Fetch =>
  (url, init) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      const { signal } = init
      const onAbort = () => {
        request.abort()
        reject(signal?.reason)
      }
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      request.open(init.method ?? 'PUT', url)
      new Headers(init.headers).forEach((value, name) => {
        // A browser sets this one itself and complains when told.
        if (name !== 'content-length') request.setRequestHeader(name, value)
      })
      request.upload.onprogress = (event) => {
        onProgress({ transferredBytes: event.loaded, totalBytes: event.lengthComputable ? event.total : undefined })
      }
      request.onerror = () => reject(new TypeError('The request failed.'))
      request.onload = () => {
        const body = bodiless.has(request.status) ? null : request.responseText
        resolve(new Response(body, { status: request.status, headers: headersOf(request.getAllResponseHeaders()) }))
      }
      request.onloadend = () => signal?.removeEventListener('abort', onAbort)
      request.send(init.body instanceof Blob ? init.body : null)
    })
