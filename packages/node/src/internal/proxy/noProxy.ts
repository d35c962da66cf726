import * as Either from "effect/Either"
import { BlockList, isIP } from "node:net"
import { canonical } from "../connection/hostAddress.js"

/** Whether requests to a host and port bypass the proxy. The host is as a URL writes it. */
export type IsBypassed = (host: string, port: string) => boolean

/** An entry of `NO_PROXY`: a host name with its subdomains, an address or a network, on one port or all. */
interface BypassEntry {
  readonly port: string | undefined
  /** @param host - in its canonical form. */
  readonly matches: (host: string) => boolean
}

/** `host:port` and `[v6]:port` contain a port, `::1` does not. */
const hostPortPattern = /^(\[[^\]]*\](?:\/\d+)?|[^:]+):(\d{1,5})$/

const domainName = /^[\w-]+(\.[\w-]+)*$/

/** Bits before the IPv4 address in an IPv4-mapped address (RFC 4291 §2.5.5.2). */
const mappedBits = 96

const stripBrackets = (text: string): string => (text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text)

/** Parses a network in CIDR notation: RFC 4632 §3.1, RFC 4291 §2.3. */
const parseNetwork = (text: string, prefix: string): BypassEntry["matches"] | undefined => {
  const literal = stripBrackets(text)
  const address = canonical(literal)
  if (isIP(literal) === 0 || address === undefined || !/^\d{1,3}$/.test(prefix)) return undefined
  const isMapped = isIP(literal) === 6 && isIP(address) === 4
  const bits = Number(prefix) - (isMapped ? mappedBits : 0)
  if (bits < 0 || bits > (isIP(address) === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, bits, isIP(address) === 4 ? "ipv4" : "ipv6")
  return (host) => {
    const family = isIP(host)
    return family === isIP(address) && list.check(host, family === 4 ? "ipv4" : "ipv6")
  }
}

const parseAddressOrName = (text: string): BypassEntry["matches"] | undefined => {
  const literal = stripBrackets(text)
  const isAddress = isIP(literal.replace(/\.$/, "")) !== 0
  const name = text.replace(/^\*?\./, "").replace(/\.$/, "")
  // A URL parser reads 10.0.0 as 10.0.0.0, and treats the rest after a slash or an at sign differently.
  if (!isAddress && /[\s/?#@\\%:[\]]/.test(name)) return undefined
  const host = canonical(isAddress ? literal : name)
  if (host === undefined) return undefined
  if (isAddress) return (other) => other === host
  if (isIP(host) !== 0 || !domainName.test(host)) return undefined
  return (other) => other === host || other.endsWith(`.${host}`)
}

const parseHost = (text: string): BypassEntry["matches"] | undefined => {
  if (text === "*") return () => true
  const [address = "", prefix, ...more] = stripBrackets(text).split("/")
  if (prefix === undefined) return parseAddressOrName(text)
  return more.length === 0 ? parseNetwork(address, prefix) : undefined
}

const parseEntry = (text: string): BypassEntry | undefined => {
  const [, host = text, port] = hostPortPattern.exec(text) ?? []
  const matches = parseHost(host)
  if (matches === undefined || Number(port ?? 0) > 65_535) return undefined
  return { port: port === undefined ? undefined : String(Number(port)), matches }
}

// An entry with an at sign is a URL with a password in the wrong variable, so it is not shown.
const describeInvalidEntry = (entry: string): string =>
  `${entry.includes("@") ? "an entry with credentials" : `"${entry}"`} is not a host name, an address or a network. ` +
  "Write entries like example.com, example.com:8080, 192.0.2.1, 10.0.0.0/8, [::1] or fd00::/8, with commas between them."

/**
 * Parses a list of hosts that bypass the proxy, in the format of `NO_PROXY`. Commas or blanks separate the entries. `*`
 * matches every host.
 *
 * - A host name matches itself and its subdomains, with or without a leading dot or `*.`, as in curl and Python.
 * - An address matches itself in any notation. An IPv4-mapped IPv6 address is the IPv4 address.
 * - A network in CIDR notation matches its addresses. Host names are not resolved for it.
 * - A port after any of them restricts the entry to that port.
 *
 * @param list - the value of `NO_PROXY`.
 * @returns a function of a URL's host and port (also a default port), or the description of an invalid entry.
 */
export const parseNoProxy = (list: string): Either.Either<IsBypassed, string> => {
  const entries: Array<BypassEntry> = []
  for (const text of list.split(/[\s,]+/)) {
    if (text === "") continue
    const entry = parseEntry(text)
    if (entry === undefined) return Either.left(describeInvalidEntry(text))
    entries.push(entry)
  }
  return Either.right((host, port) => {
    const name = canonical(host)
    return (
      name !== undefined &&
      entries.some((entry) => (entry.port === undefined || entry.port === port) && entry.matches(name))
    )
  })
}
