import { BlockList, isIPv4, isIPv6 } from 'node:net'

// What the registries of special addresses (RFC 6890, and those after it) set apart, and the two addresses at which large
// clouds answer their own machines although they look public.
const special = new BlockList()
for (const subnet of [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // behind a carrier's NAT; a cloud's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // a cloud's metadata
  '169.254.0.0/16', // link-local; most clouds' metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; a cloud's metadata
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // measurements
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]) {
  special.addSubnet(...split(subnet), 'ipv4')
}
for (const subnet of [
  '2001::/23', // protocol assignments, tunnels (Teredo)
  '2001:db8::/32', // documentation
  '2002::/16', // tunnels (6to4)
  '3fff::/20', // documentation
]) {
  special.addSubnet(...split(subnet), 'ipv6')
}

/**
 * Whether anybody on the internet may have this address: no private, loopback, link-local, metadata or other special one,
 * in whichever form an IPv6 address holds it.
 * @param address IPv4 or IPv6, in any form that a resolver gives
 */
export function isPublicAddress(address: string): boolean {
  const plain = toPlain(address)
  if (plain === undefined || isListed(address, special)) return false
  // Of all of IPv6 only 2000::/3 was ever given out.
  return isIPv4(plain) || ((toGroups(plain)[0] ?? 0) & 0xe000) === 0x2000
}

/** Whether a list has this address, in whichever form it is written. */
export function isListed(address: string, list: BlockList): boolean {
  const plain = toPlain(address)
  return plain !== undefined && list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
}

/** The address that is reached by this one; undefined where it is none. */
function toPlain(address: string): string | undefined {
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const groups = toGroups(address)
  return embeddedIPv4(groups) ?? toText(groups)
}

/** The IPv4 address that an IPv4-mapped one (::ffff:a.b.c.d) or one behind NAT64 (64:ff9b::a.b.c.d) reaches. */
function embeddedIPv4(groups: number[]): string | undefined {
  const prefix = toText(groups.slice(0, 6))
  if (prefix !== '0:0:0:0:0:ffff' && prefix !== '64:ff9b:0:0:0:0') return undefined
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

/** The eight groups of an IPv6 address, its zone left out. */
function toGroups(address: string): number[] {
  const [bare = ''] = address.split('%', 1)
  // The URL parser knows every way to write one, and writes it in one way.
  const written = new URL(`http://[${bare}]`).hostname.slice(1, -1)
  const [head = [], tail] = written.split('::').map((side) => (side === '' ? [] : side.split(':')))
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
}

function toText(groups: number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}

function split(subnet: string): [address: string, prefixBits: number] {
  const [address = '', prefix] = subnet.split('/')
  return [address, Number(prefix)]
}
