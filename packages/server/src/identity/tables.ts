/** Tables of the embedded identity service. */
// biome-ignore lint/complexity/noBannedTypes: filled in by the identity service
export type IdentityTables = {}
