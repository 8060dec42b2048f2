const binaryUnits = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1536` -> `1.5 KiB`: three digits at most, or four below the next unit. */
export const formatBytes = (bytes: number): string => {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  let value = bytes
  let unit = 'B'
  for (const next of binaryUnits) {
    if (value < 1023.5) break
    value /= 1024
    unit = next
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** Two units at most: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export const formatDuration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** To the second, in UTC, as on the wire. */
export const formatInstant = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z')

const minuteSeconds = 60
const hourSeconds = 60 * minuteSeconds
const daySeconds = 24 * hourSeconds
const monthSeconds = 30.44 * daySeconds
const yearSeconds = 365.25 * daySeconds

/** The largest unit of which there are two or more; months only past three, since people count days until then. Rounded. */
const roughly = (seconds: number): string => {
  if (seconds < 2 * minuteSeconds) return `${Math.round(seconds)} s`
  if (seconds < 2 * hourSeconds) return `${Math.round(seconds / minuteSeconds)} min`
  if (seconds < 2 * daySeconds) return `${Math.round(seconds / hourSeconds)} h`
  if (seconds < 3 * monthSeconds) return `${Math.round(seconds / daySeconds)} days`
  if (seconds < 2 * yearSeconds) return `${Math.round(seconds / monthSeconds)} months`
  return `${Math.round(seconds / yearSeconds)} years`
}

/** How long ago, or how soon: `3 h ago`, `in 29 days`, `now`. */
export const formatRelative = (date: Date, nowMs: number): string => {
  const seconds = (date.getTime() - nowMs) / 1000
  if (Math.abs(seconds) < 1) return 'now'
  return seconds > 0 ? `in ${roughly(seconds)}` : `${roughly(-seconds)} ago`
}
