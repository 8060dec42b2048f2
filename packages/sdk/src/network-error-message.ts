const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused. Check the address, and that the service is running.',
  ENOTFOUND: 'the host name is not known. Check the address.',
  EAI_AGAIN: 'the host name could not be looked up. Check the name service, then try again.',
  ECONNRESET: 'the connection broke off. Try again.',
  EPIPE: 'the connection broke off. Try again.',
  UND_ERR_SOCKET: 'the connection broke off. Try again.',
  ETIMEDOUT: 'the connection was not made in time. Check the address and the firewall.',
  UND_ERR_CONNECT_TIMEOUT: 'the connection was not made in time. Check the address and the firewall.',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time.',
  UND_ERR_BODY_TIMEOUT: 'no further byte came in time.',
  CERT_HAS_EXPIRED: 'its certificate has expired. Tell the operator.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name. Check the address.',
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** The platform's code of a failure; `fetch` of Node hides it in causes, several of them when a host has several addresses. */
const codeOf = (error: unknown, depth = 0): string | undefined => {
  if (!(error instanceof Error) || depth > 5) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error instanceof AggregateError) return codeOf(error.errors[0], depth + 1)
  return codeOf(error.cause, depth + 1)
}

/** Node's fetch has no code for a redirect that it was told not to follow. */
const isRedirect = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.message === 'unexpected redirect'

/** What to tell of a request that got no (whole) answer. Browsers hide the reason; then all that could be is named. */
export const networkErrorMessage = (url: URL, error: unknown): string => {
  if (isRedirect(error)) return `${url.origin} redirects, and uploads are not. Use the right address of the service.`
  const code = codeOf(error)
  if (code === undefined) {
    return `No answer from ${url.origin}. Check the address, the network and, in a browser, that the service allows this page (CORS).`
  }
  const why = untrusted.has(code)
    ? 'its certificate is not signed by an authority known here. Name the authority of the cloud: NODE_EXTRA_CA_CERTS=FILE.pem in the environment, or cacert in clouds.yaml.'
    : (explanations[code] ?? 'the connection failed.')
  return `No answer from ${url.origin} (${code}): ${why}`
}
