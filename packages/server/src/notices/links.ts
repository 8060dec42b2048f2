/** Paths of the pages that mails and feeds link to. */
export const confirmPath = (secret: string): string => `/catalogue/notices/confirm/${secret}`
export const unsubscribePath = (key: string): string => `/catalogue/notices/unsubscribe/${key}`
export const feedPath = (secret: string): string => `/catalogue/feeds/${secret}.atom`
