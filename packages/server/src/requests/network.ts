import ipaddr from 'ipaddr.js'

/** What counts as one place that requests come from: an IPv4 address, or a /64 of IPv6, which one household has whole. */
export const networkOf = (address: string): string => {
  if (!ipaddr.isValid(address)) return address
  // Takes an IPv4 address that is written as an IPv6 one for what it is.
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}

/** The beginning of all networks of a site, which is given a /48 of IPv6 for the asking. */
export const siteOf = (network: string): string | undefined =>
  network.endsWith('::/64') ? network.split(':').slice(0, 3).join(':').concat(':') : undefined
