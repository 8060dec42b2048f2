/** Whether a name stays inside the folder that an archive is unpacked in, on whatever system. */
export const isSafeName = (name: string): boolean => {
  if (name === '' || name.startsWith('/') || /^[A-Za-z]:/.test(name)) return false
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20 || code === 0x7f || character === '\\') return false
  }
  return !name.split('/').includes('..')
}
