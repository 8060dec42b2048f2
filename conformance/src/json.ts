/** Anything that JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The JSON in `text`, or undefined when it is not JSON. */
export const parseJson = (text: string): Json | undefined => {
  try {
    const value: Json = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}

/** What stands in `value` at `path`, or undefined where the path leads nowhere. */
export const at = (value: Json | undefined, ...path: (string | number)[]): Json | undefined => {
  let here = value
  for (const step of path) {
    if (typeof here !== 'object' || here === null) return undefined
    if (Array.isArray(here)) here = typeof step === 'number' ? here[step] : undefined
    else here = Object.hasOwn(here, step) ? here[step] : undefined
  }
  return here
}

const show = (value: Json | undefined): string =>
  value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200)

export const stringAt = (value: Json | undefined, ...path: (string | number)[]): string => {
  const found = at(value, ...path)
  if (typeof found !== 'string') throw new Error(`expected a string at ${path.join('.')}, found ${show(found)}`)
  return found
}

export const listAt = (value: Json | undefined, ...path: (string | number)[]): Json[] => {
  const found = at(value, ...path)
  if (!Array.isArray(found)) throw new Error(`expected a list at ${path.join('.')}, found ${show(found)}`)
  return found
}

export const objectAt = (value: Json | undefined, ...path: (string | number)[]): { [key: string]: Json } => {
  const found = at(value, ...path)
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw new Error(`expected an object at ${path.join('.')}, found ${show(found)}`)
  return found
}
