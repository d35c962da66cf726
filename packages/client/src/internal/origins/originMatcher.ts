import * as Origin from "@countersign/protocol/Origin"

/** Destination of a request, with OpenTelemetry's `server.address` and `server.port`. */
export interface Destination {
  /** Whether it is one of the client's own origins. */
  readonly own: boolean
  /** The origin as `Origin.of` returns it. */
  readonly origin: string
  readonly address: string
  readonly port: number
}

const noDestination: Destination = { own: false, origin: Origin.opaque, address: "", port: 0 }

const destinationOf = (origin: string, own: boolean): Destination => {
  if (origin === Origin.opaque) return noDestination
  const { hostname, port, protocol } = new URL(origin)
  const address = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname
  return { own, origin, address, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) }
}

/**
 * Returns a function from a URL to its destination. Most URLs start with an own origin, so only the others are parsed.
 * The address of an invalid URL is empty.
 */
export const makeOriginMatcher = (origins: ReadonlyArray<string>): ((url: string) => Destination) => {
  const own = origins.map((origin) => destinationOf(Origin.of(origin), true)).filter((one) => one !== noDestination)
  return (url) => {
    for (const one of own) {
      const { length } = one.origin
      if (url.startsWith(one.origin) && (url.length === length || "/?#".includes(url.charAt(length)))) return one
    }
    const origin = Origin.of(url)
    return own.find((one) => one.origin === origin) ?? destinationOf(origin, false)
  }
}
