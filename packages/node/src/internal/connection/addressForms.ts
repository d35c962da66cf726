import { isIPv6 } from "node:net"
import { canonical } from "./hostAddress.js"

/** Parses the eight groups of a normalized IPv6 address, such as `64:ff9b::7f00:1`. */
const groupsOf = (address: string): ReadonlyArray<number> => {
  const [head = "", tail] = address.split("::")
  const parse = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)))
  const first = parse(head)
  const last = tail === undefined ? [] : parse(tail)
  return [...first, ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last]
}

const formatIpv4 = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join(".")

/** The IPv4 address that a translator or tunnel routes an IPv6 address to. Undefined for other addresses. */
const embeddedAddress = (address: string): string | undefined => {
  const [a, b, c, d, e, f, g, h] = groupsOf(address)
  // NAT64: RFC 6052 §2.1, and the local-use prefix of RFC 8215.
  if (a === 0x64 && b === 0xff9b) return formatIpv4(g, h)
  // 6to4: RFC 3056 §2.
  if (a === 0x2002) return formatIpv4(b, c)
  // Teredo. The address of the client is inverted: RFC 4380 §4.
  if (a === 0x2001 && b === 0) return formatIpv4((g ?? 0) ^ 0xffff, (h ?? 0) ^ 0xffff)
  // IPv4-compatible, deprecated: RFC 4291 §2.5.5.1. `::` and `::1` are IPv6 addresses.
  const isCompatible = [a, b, c, d, e, f].every((group) => group === 0)
  return isCompatible && (g !== 0 || (h ?? 0) > 1) ? formatIpv4(g, h) : undefined
}

/** An unspecified address connects to this host: RFC 1122 §3.2.1.3. */
const loopbackOf = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"]
])

/**
 * The addresses that a connection to an address may reach: its canonical form, and the IPv4 or loopback address that it
 * contains. An address with a zone (`fe80::1%eth0`) is not changed.
 */
export const addressForms = (address: string): ReadonlyArray<string> => {
  const form = canonical(address) ?? address
  const other = isIPv6(form) && !form.includes("%") ? embeddedAddress(form) : undefined
  const forms = other === undefined ? [form] : [form, other]
  const local = forms.map((one) => loopbackOf.get(one)).filter((one) => one !== undefined)
  return [...forms, ...local]
}
