/** What everybody can see of an image in the catalogue, as far as its producer wants it. */
export const shownFacts = ['size', 'formats', 'checksum', 'dates'] as const
export type ShownFact = (typeof shownFacts)[number]
