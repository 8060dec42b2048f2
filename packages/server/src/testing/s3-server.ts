import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export const s3Credentials = { key: 'canary-access-key', secret: 'canary/secret+key' }
const bucket = 'images'

/** What calls to S3 are for. */
export type S3Call =
  | 'head'
  | 'get'
  | 'put'
  | 'delete'
  | 'start'
  | 'part'
  | 'copy-part'
  | 'list-parts'
  | 'finish'
  | 'abort'
  | 'list'
  | 'list-uploads'
  | 'head-bucket'

/**
 * How a call goes wrong. `late`: it is done, and then the connection is cut. `short`: half of the bytes come, and then the
 * connection is cut; `other-range`: other bytes come than those asked for.
 */
export type S3Fault = 'error' | 'hang' | 'cut' | 'late' | 'short' | 'stall' | 'other-range' | 'quota' | 'nonsense'

/** As much of S3 as the store uses, in memory, and able to fail in every way. */
export interface S3Server {
  /** A setting of a store on it. */
  location(prefix: string): string
  readonly url: string
  /** Bytes by the name of their object. */
  readonly objects: ReadonlyMap<string, { readonly bytes: Buffer }>
  /** Unfinished uploads by their id. */
  readonly uploads: ReadonlyMap<
    string,
    { readonly object: string; readonly parts: Map<number, { bytes: Buffer; eTag: string }> }
  >
  /** Every call so far. */
  readonly calls: S3Call[]
  /** Names a fault for a call, or undefined; asked at every call. */
  fault: (call: S3Call) => S3Fault | undefined
  /** Objects on a page of a list. */
  pageSize: number
  hasBucket: boolean
  replace(object: string, bytes: Buffer): void
  close(): Promise<void>
}

interface Stored {
  readonly bytes: Buffer
  readonly eTag: string
  readonly writeId: string
  readonly at: Date
}
interface Upload {
  readonly object: string
  readonly writeId: string
  readonly parts: Map<number, { bytes: Buffer; eTag: string }>
  readonly at: Date
}

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex')

const callOf = (method: string, object: string, query: URLSearchParams, isCopy: boolean): S3Call | undefined => {
  if (object === '') {
    if (method === 'HEAD') return 'head-bucket'
    if (method === 'GET') return query.has('uploads') ? 'list-uploads' : 'list'
    return undefined
  }
  if (method === 'HEAD') return 'head'
  if (method === 'GET') return query.has('uploadId') ? 'list-parts' : 'get'
  if (method === 'PUT') return query.has('uploadId') ? (isCopy ? 'copy-part' : 'part') : 'put'
  if (method === 'DELETE') return query.has('uploadId') ? 'abort' : 'delete'
  if (method === 'POST') return query.has('uploads') ? 'start' : query.has('uploadId') ? 'finish' : undefined
  return undefined
}

class Answer extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/** @throws Answer when it is not signed for these bytes with the key of this server */
const checkSignature = (request: IncomingMessage, body: Buffer): void => {
  const { authorization = '', 'x-amz-content-sha256': digest } = request.headers
  if (!authorization.startsWith(`AWS4-HMAC-SHA256 Credential=${s3Credentials.key}/`)) {
    throw new Answer(403, 'InvalidAccessKeyId')
  }
  if (digest !== createHash('sha256').update(body).digest('hex')) throw new Answer(400, 'XAmzContentSHA256Mismatch')
}

export const startS3Server = async (): Promise<S3Server> => {
  const objects = new Map<string, Stored>()
  const uploads = new Map<string, Upload>()

  const find = (object: string): Stored => {
    const found = objects.get(object)
    if (found === undefined) throw new Answer(404, 'NoSuchKey')
    return found
  }
  const findUpload = (id: string | null): Upload => {
    const found = uploads.get(id ?? '')
    if (found === undefined) throw new Answer(404, 'NoSuchUpload')
    return found
  }

  const sendXml = (response: ServerResponse, name: string, content: string, status = 200): void => {
    response
      .writeHead(status, { 'content-type': 'application/xml' })
      .end(`<?xml version="1.0"?><${name}>${content}</${name}>`)
  }

  const sendObject = (request: IncomingMessage, response: ServerResponse, stored: Stored, fault?: S3Fault): void => {
    const { bytes, eTag, writeId, at } = stored
    const { range, 'if-match': ifMatch } = request.headers
    if (ifMatch !== undefined && ifMatch !== eTag) throw new Answer(412, 'PreconditionFailed')
    const headers = { etag: eTag, 'last-modified': at.toUTCString(), 'x-amz-meta-vitrine-write': writeId }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    if (request.method === 'HEAD' || first === undefined || last === undefined) {
      response.writeHead(200, { ...headers, 'content-length': bytes.length })
      response.end(request.method === 'HEAD' ? undefined : bytes)
      return
    }
    const shift = fault === 'other-range' ? 1 : 0
    const [start, end] = [Number(first) + shift, Math.min(Number(last), bytes.length - 1)]
    const part = bytes.subarray(start, end + 1)
    const contentRange = `bytes ${start}-${end}/${bytes.length}`
    response.writeHead(206, { ...headers, 'content-length': part.length, 'content-range': contentRange })
    if (fault !== 'short' && fault !== 'stall') response.end(part)
    else response.write(part.subarray(0, Math.floor(part.length / 2)), () => fault === 'short' && response.destroy())
  }

  const page = <Item>(all: Iterable<[string, Item]>, prefix: string, after: string): [[string, Item][], boolean] => {
    const sorted = [...all].filter(([name]) => name.startsWith(prefix) && name > after)
    sorted.sort(([one], [other]) => (one < other ? -1 : 1))
    return [sorted.slice(0, server.pageSize), sorted.length > server.pageSize]
  }

  const list = (response: ServerResponse, query: URLSearchParams): void => {
    const after = query.get('continuation-token') ?? ''
    const [found, isTruncated] = page(objects, query.get('prefix') ?? '', after)
    const contents = found.map(
      ([name, { at }]) => `<Contents><Key>${name}</Key><LastModified>${at.toISOString()}</LastModified></Contents>`,
    )
    const next = isTruncated ? `<NextContinuationToken>${found.at(-1)?.[0]}</NextContinuationToken>` : ''
    sendXml(response, 'ListBucketResult', `<IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}`)
  }

  const listUploads = (response: ServerResponse, query: URLSearchParams): void => {
    const byName = [...uploads].map(([id, upload]): [string, [string, Upload]] => [upload.object, [id, upload]])
    const [found, isTruncated] = page(byName, query.get('prefix') ?? '', query.get('key-marker') ?? '')
    const contents = found.map(
      ([name, [id, { at }]]) =>
        `<Upload><Key>${name}</Key><UploadId>${id}</UploadId><Initiated>${at.toISOString()}</Initiated></Upload>`,
    )
    const next = isTruncated ? `<NextKeyMarker>${found.at(-1)?.[0]}</NextKeyMarker>` : ''
    const answer = `<IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}`
    sendXml(response, 'ListMultipartUploadsResult', answer)
  }

  const copyPart = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void => {
    const { 'x-amz-copy-source': from, 'x-amz-copy-source-range': range } = request.headers
    const source = decodeURIComponent(String(from)).slice(bucket.length + 1)
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(String(range)) ?? []
    const { bytes } = find(source)
    if (Number(last) >= bytes.length) throw new Answer(400, 'InvalidRange')
    const part = bytes.subarray(Number(first), Number(last) + 1)
    const eTag = `"${md5(part)}"`
    findUpload(query.get('uploadId')).parts.set(Number(query.get('partNumber')), { bytes: part, eTag })
    sendXml(response, 'CopyPartResult', `<ETag>${eTag}</ETag>`)
  }

  const listParts = (response: ServerResponse, query: URLSearchParams): void => {
    const after = Number(query.get('part-number-marker') ?? 0)
    const all = [...findUpload(query.get('uploadId')).parts].filter(([number]) => number > after)
    const found = all.sort(([one], [other]) => one - other).slice(0, server.pageSize)
    const contents = found.map(
      ([number, { bytes, eTag }]) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${eTag}</ETag><Size>${bytes.length}</Size></Part>`,
    )
    const next = `<NextPartNumberMarker>${found.at(-1)?.[0] ?? 0}</NextPartNumberMarker>`
    const isTruncated = all.length > found.length
    sendXml(response, 'ListPartsResult', `<IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}`)
  }

  const finishUpload = (id: string | null, body: Buffer): void => {
    const upload = findUpload(id)
    const parts = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => {
      const [, number] = /<PartNumber>(\d+)</.exec(part) ?? []
      const [, eTag] = /<ETag>(.*?)</.exec(part) ?? []
      const sent = upload.parts.get(Number(number))
      if (sent === undefined || sent.eTag !== eTag?.replaceAll('&quot;', '"')) throw new Answer(400, 'InvalidPart')
      return { number: Number(number), bytes: sent.bytes }
    })
    if (parts.length === 0) throw new Answer(400, 'MalformedXML')
    for (const [index, { number, bytes }] of parts.entries()) {
      if (index > 0 && number <= (parts[index - 1]?.number ?? 0)) throw new Answer(400, 'InvalidPartOrder')
      if (index < parts.length - 1 && bytes.length < 5 * 1024 ** 2) throw new Answer(400, 'EntityTooSmall')
    }
    const bytes = Buffer.concat(parts.map((part) => part.bytes))
    uploads.delete(id ?? '')
    const eTag = `"${md5(bytes)}-${parts.length}"`
    objects.set(upload.object, { bytes, eTag, writeId: upload.writeId, at: new Date() })
  }

  const serve = (
    call: S3Call,
    { object, query, body }: { object: string; query: URLSearchParams; body: Buffer },
    request: IncomingMessage,
    response: ServerResponse,
    fault: S3Fault | undefined,
  ): void => {
    if (!server.hasBucket) throw new Answer(404, 'NoSuchBucket')
    const writeId = String(request.headers['x-amz-meta-vitrine-write'] ?? '')
    const eTag = `"${md5(body)}"`
    switch (call) {
      case 'head-bucket':
        response.end()
        return
      case 'head':
      case 'get':
        sendObject(request, response, find(object), fault)
        return
      case 'put':
        objects.set(object, { bytes: body, eTag, writeId, at: new Date() })
        response.setHeader('etag', eTag).end()
        return
      case 'delete':
        objects.delete(object)
        response.writeHead(204).end()
        return
      case 'start': {
        const id = randomBytes(8).toString('hex')
        uploads.set(id, { object, writeId, parts: new Map(), at: new Date() })
        sendXml(response, 'InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`)
        return
      }
      case 'part':
        findUpload(query.get('uploadId')).parts.set(Number(query.get('partNumber')), { bytes: body, eTag })
        response.setHeader('etag', eTag).end()
        return
      case 'copy-part':
        copyPart(request, response, query)
        return
      case 'list-parts':
        listParts(response, query)
        return
      case 'finish':
        if (request.headers['if-none-match'] === '*' && objects.has(object)) throw new Answer(412, 'PreconditionFailed')
        finishUpload(query.get('uploadId'), body)
        if (fault === 'late') response.destroy()
        else sendXml(response, 'CompleteMultipartUploadResult', `<Key>${object}</Key>`)
        return
      case 'abort':
        findUpload(query.get('uploadId'))
        uploads.delete(query.get('uploadId') ?? '')
        response.writeHead(204).end()
        return
      case 'list':
        list(response, query)
        return
      case 'list-uploads':
        listUploads(response, query)
        return
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://s3')
    const [, name, ...rest] = pathname.split('/')
    const object = rest.join('/')
    const call = callOf(request.method ?? '', object, query, request.headers['x-amz-copy-source'] !== undefined)
    const body = await buffer(request)
    try {
      if (call === undefined || name !== bucket) throw new Answer(404, 'NoSuchBucket')
      server.calls.push(call)
      checkSignature(request, body)
      const fault = server.fault(call)
      if (fault === 'hang') return
      if (fault === 'cut') return void response.destroy()
      if (fault === 'error') throw new Answer(500, 'InternalError')
      if (fault === 'quota') throw new Answer(403, 'QuotaExceeded')
      if (fault === 'nonsense') return void response.writeHead(200).end('<html>a proxy in between</htm')
      serve(call, { object, query, body }, request, response, fault)
    } catch (error) {
      if (!(error instanceof Answer)) throw error
      if (request.method === 'HEAD') response.writeHead(error.status).end()
      else
        sendXml(
          response,
          'Error',
          `<Code>${error.code}</Code><Message>${name} ${s3Credentials.key}</Message>`,
          error.status,
        )
    }
  }

  const http: Server = createServer((request, response) => {
    // A call that its caller gave up has nobody to answer to.
    answer(request, response).catch(() => response.destroy())
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  // What listens on a port has no other form of address.
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const { key, secret } = s3Credentials
  const server: S3Server = {
    url,
    location: (prefix) =>
      `s3://${encodeURIComponent(key)}:${encodeURIComponent(secret)}@${bucket}/${prefix}?endpoint=${url}&region=here`,
    objects,
    uploads,
    calls: [],
    fault: () => undefined,
    pageSize: 1000,
    hasBucket: true,
    replace: (object, bytes) => {
      objects.set(object, { bytes, eTag: `"${md5(bytes)}"`, writeId: '', at: new Date() })
    },
    close: async () => {
      http.close()
      http.closeAllConnections()
      await once(http, 'close')
    },
  }
  return server
}
