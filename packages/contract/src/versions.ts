/** Minor versions served, newest first. Every one is only another name for `/v2`. */
export const apiMinors = [18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const

export interface VersionsDocument {
  versions: { id: string; status: 'CURRENT' | 'SUPPORTED'; links: { rel: 'self'; href: string }[] }[]
}

/**
 * The document that clients discover the API with.
 * @param publicUrl scheme and host (and mount prefix), without a slash at the end
 */
export const versionsDocument = (publicUrl: string): VersionsDocument => ({
  versions: apiMinors.map((minor, index) => ({
    id: `v2.${minor}`,
    status: index === 0 ? 'CURRENT' : 'SUPPORTED',
    links: [{ rel: 'self', href: `${publicUrl}/v2/` }],
  })),
})
