import ipaddr from 'ipaddr.js'

/** Networks, as address and length of the prefix. */
export type Networks = readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[]

/**
 * Networks as an operator writes them: `10.0.0.0/8, fd00::/8, 127.0.0.1`.
 * @throws Error that names the one that is none
 */
export const parseNetworks = (text: string): Networks =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (ipaddr.isValidCIDR(part)) return ipaddr.parseCIDR(part)
      if (!ipaddr.isValid(part)) throw new Error(`${part} is no network`)
      const address = ipaddr.parse(part)
      return [address, address.kind() === 'ipv4' ? 32 : 128] as const
    })

/** Where the 32 bits of an IPv4 address begin in IPv6 addresses that lead to it, by the range. */
const embedded: Readonly<Record<string, number>> = { ipv4Mapped: 12, rfc6052: 12, '6to4': 2 }

/** The addresses that a packet to this one may reach: itself, and the IPv4 address inside. */
const reached = (address: ipaddr.IPv4 | ipaddr.IPv6): (ipaddr.IPv4 | ipaddr.IPv6)[] => {
  if (address instanceof ipaddr.IPv4) return [address]
  const start = embedded[address.range()]
  if (start === undefined) return [address]
  return [new ipaddr.IPv4(address.toByteArray().slice(start, start + 4))]
}

/** All addresses of the internet of IPv6 that anyone was ever given begin with these three bits. */
const globalUnicast = ipaddr.parseCIDR('2000::/3')

/** The machine beneath a virtual one of Azure, with its metadata: an address of the internet that never leaves the host. */
const hostOfAzure = '168.63.129.16'

const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === 'unicast' &&
  (address instanceof ipaddr.IPv4 ? address.toString() !== hostOfAzure : address.match(globalUnicast))

const isInside = (address: ipaddr.IPv4 | ipaddr.IPv6, networks: Networks): boolean =>
  networks.some(([network, bits]) =>
    network instanceof ipaddr.IPv4
      ? address instanceof ipaddr.IPv4 && address.match(network, bits)
      : address instanceof ipaddr.IPv6 && address.match(network, bits),
  )

/** One spelling of an address, by what it reaches: that of IPv4 also if it was written as IPv6. */
export const plainAddress = (text: string): string =>
  reached(ipaddr.parse(text))
    .map((address) => address.toString())
    .join()

/**
 * Whether the service may connect to this address on behalf of a stranger: only to public ones, and to those that the
 * operator named. IPv4 addresses in the clothes of IPv6 are seen as what they are.
 */
export const mayConnect = (text: string, allowed: Networks): boolean => {
  // A zone names an interface of this machine.
  if (!ipaddr.isValid(text) || text.includes('%')) return false
  return reached(ipaddr.parse(text)).every((address) => isPublic(address) || isInside(address, allowed))
}
