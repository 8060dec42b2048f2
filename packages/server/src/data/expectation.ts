import { apiError } from '../api-error.ts'
import { expectedHashProperty, expectedSizeProperty, parseStatedHash, type StatedHash } from '../images/expected.ts'
import type { Image } from '../images/image.ts'
import { type HashAlgorithm, hashAlgorithms } from './hashing.ts'

/** What bytes must turn out to be. */
export interface Expectation {
  readonly sizeBytes: number | undefined
  readonly hashes: readonly StatedHash[]
  /** `stated`: by a client. `stored`: they are those of an image that is there already. */
  readonly source: 'stated' | 'stored'
}

/** What an image says that its bytes shall be. */
export const expectationOf = ({ properties }: Pick<Image, 'properties'>): Expectation => {
  const size = properties.get(expectedSizeProperty)
  const hash = parseStatedHash(properties.get(expectedHashProperty) ?? '')
  return {
    sizeBytes: typeof size === 'string' ? Number(size) : undefined,
    hashes: hash === undefined ? [] : [hash],
    source: 'stated',
  }
}

/** The bytes of an image, as they were when they first came. */
export const sameAs = (
  image: Pick<Image, 'sizeBytes' | 'checksum'> & {
    readonly hashAlgorithm: string | null
    readonly hashValue: string | null
  },
): Expectation => {
  const algorithm = hashAlgorithms.find((known) => known === image.hashAlgorithm)
  return {
    sizeBytes: image.sizeBytes ?? undefined,
    hashes: [
      ...(image.checksum === null ? [] : [{ algorithm: 'md5', value: image.checksum } as const]),
      ...(algorithm === undefined || image.hashValue === null ? [] : [{ algorithm, value: image.hashValue }]),
    ],
    source: 'stored',
  }
}

/** The algorithms without which it cannot be told whether an expectation holds. */
export const algorithmsOf = (expectations: readonly Expectation[]): HashAlgorithm[] =>
  expectations.flatMap(({ hashes }) => hashes.map(({ algorithm }) => algorithm))

/** What bytes turned out to be. */
export interface Outcome {
  readonly sizeBytes: number
  readonly digests: ReadonlyMap<HashAlgorithm, string>
}

/** Both of two that clients stated. */
export const both = (one: Expectation | undefined, other: Expectation | undefined): Expectation | undefined =>
  one === undefined || other === undefined
    ? (one ?? other)
    : { ...one, sizeBytes: one.sizeBytes ?? other.sizeBytes, hashes: [...one.hashes, ...other.hashes] }

const refusal = ({ source }: Expectation, what: string, expected: string | number, found: string | number) =>
  source === 'stored' ? apiError('image_damaged', {}) : apiError('expectation_failed', { what, expected, found })

/** @throws ApiError `expectation_failed`, `image_damaged` as soon as the size is known to be another */
export const checkSize = (expectations: readonly Expectation[], sizeBytes: number | undefined): void => {
  for (const expectation of expectations) {
    const expected = expectation.sizeBytes
    if (expected === undefined || sizeBytes === undefined || expected === sizeBytes) continue
    throw refusal(expectation, 'size', expected, sizeBytes)
  }
}

/** @throws ApiError `expectation_failed`, `image_damaged` */
export const checkExpectations = (expectations: readonly Expectation[], { sizeBytes, digests }: Outcome): void => {
  checkSize(expectations, sizeBytes)
  for (const expectation of expectations) {
    for (const { algorithm, value } of expectation.hashes) {
      const found = digests.get(algorithm) ?? 'not computed'
      if (found !== value) throw refusal(expectation, algorithm, value, found)
    }
  }
}
