import { randomUUID } from 'node:crypto'

/** The one domain that there is: every user and project lives in it. */
export const defaultDomain = { id: 'default', name: 'Default' } as const

/** Where the endpoints of the catalog say they are. */
export const region = 'RegionOne'

/** An id as the identity API writes it: 32 hex digits. */
export const newId = (): string => randomUUID().replaceAll('-', '')

/** Neither database stores these; nothing that is stored holds them, so they match nothing. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')
