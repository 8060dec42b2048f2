const dayMs = 24 * 60 * 60 * 1000
const weekMs = 7 * dayMs
/** 1970 began on a Thursday; this is the Monday after. */
const firstMonday = 4 * dayMs

/** Beginning of the week of an instant: Monday 00:00 UTC. */
export const weekOf = (instant: number): number => Math.floor((instant - firstMonday) / weekMs) * weekMs + firstMonday

/** A week as the API writes it: its Monday. */
export const wireWeek = (week: number): string => new Date(week).toISOString().slice(0, 10)
