/** An IPv4-mapped address: sockets treat `::ffff:7f00:1` as 127.0.0.1. */
const mappedAddressPattern = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

const formatIpv4 = (high: string, low: string): string => {
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".")
}

/**
 * The canonical form of a host name or IP address, as URL parsers write it, without brackets and the final dot. An
 * IPv4-mapped IPv6 address becomes the IPv4 address (RFC 4291 §2.5.5.2). Undefined for an invalid host.
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
