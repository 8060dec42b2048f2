import type { Service } from '../service.ts'
import type { Notices } from './port.ts'

/** What notices work with. */
export type NoticeParts = Omit<Service, 'notices'>

/** Starts telling of what happened. */
export const startNotices = async (_parts: NoticeParts): Promise<Notices> => ({
  kick: () => undefined,
  stop: async () => undefined,
})
