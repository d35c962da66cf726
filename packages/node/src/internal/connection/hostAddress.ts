/** `::ffff:7f00:1` is the IPv4 address 127.0.0.1 to every socket. */
const mappedAddressPattern = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

const formatIpv4 = (high: string, low: string): string => {
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".")
}

/**
 * A host, a name or an address, in the one way of writing it: as a URL parser does, without brackets and the root's
 * dot, and an IPv4 address as one, even where it stands in the guise of IPv6 (RFC 4291 §2.5.5.2). Undefined for what
 * is no host.
 */
export const canonical = (host: string): string | undefined => {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host
  const url = `http://${bare.includes(":") ? `[${bare}]` : bare}/`
  if (!URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  const [, high, low] = mappedAddressPattern.exec(hostname) ?? []
  if (high !== undefined && low !== undefined) return formatIpv4(high, low)
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname.replace(/\.$/, "")
}
