/**
 * What is counted as one mailbox by the limits on mails: letter case, dots and what follows a plus before the `@` do not
 * matter, since with many providers `a.b+1@example.com` and `ab+2@example.com` are the same. Where they are two, those two
 * share a limit; mails go to the address as it was written.
 */
export const countedMailbox = (email: string): string => {
  const at = email.lastIndexOf('@')
  const local = email.slice(0, at).toLowerCase()
  const [name = ''] = local.split('+')
  return `${name.replaceAll('.', '') || local}${email.slice(at).toLowerCase()}`
}
