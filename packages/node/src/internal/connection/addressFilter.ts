import type { LookupAddress, LookupOptions } from "node:dns"
import Dns from "node:dns"
import { isIP } from "node:net"
import { DescribedFailure } from "../errors/describedFailure.js"
import { addressForms } from "./addressForms.js"

/** Decides whether to connect to an IP address, which a host name resolved to or a URL contains. */
export type AllowAddress = (address: string, host: string) => boolean

/** The error when `allowAddress` rejects every address. Nothing was sent, and a retry has the same result. */
class AddressNotAllowed extends Error {
  override readonly name: string = "AddressNotAllowed"
  readonly code: string = "ERR_COUNTERSIGN_ADDRESS_BLOCKED"
  readonly syscall: string = "connect"

  constructor(host: string) {
    super(`no address of ${host} is allowed`)
  }
}

/** The error when `allowAddress` throws: the address is rejected, and the thrown error is the cause. */
const allowAddressFailure = (host: string, cause: unknown): DescribedFailure => {
  const detail = `allowAddress threw an error for ${host}. The error is the cause`
  return new DescribedFailure({ reason: "AddressBlocked", code: "ERR_COUNTERSIGN_ADDRESS_BLOCKED", detail }, cause)
}

/** Whether all forms of an address are allowed: if 127.0.0.1 is rejected, so are ::ffff:127.0.0.1 and 0.0.0.0. */
const isAllowed = (allow: AllowAddress, address: string, host: string): boolean =>
  addressForms(address).every((form) => allow(form, host))

type LookupCallback = (error: Error | null, address: string | Array<LookupAddress>, family?: number) => void

/** How Node's sockets look up host names. With `all` they get a list, and try one address after the other. */
export type Lookup = (host: string, options: LookupOptions, callback: LookupCallback) => void

/**
 * Looks up a host name and omits the addresses that are not allowed. The connection uses exactly the checked addresses:
 * a second look-up could return others.
 */
export const filteredLookup =
  (allow: AllowAddress): Lookup =>
  (host, options, callback) => {
    Dns.lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      const allowed = filterAddresses(addresses, allow, host)
      if (allowed instanceof Error) return callback(allowed, [])
      const [first] = allowed
      if (first === undefined) return callback(new AddressNotAllowed(host), [])
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }

const filterAddresses = (
  addresses: Array<LookupAddress>,
  allow: AllowAddress,
  host: string
): Array<LookupAddress> | Error => {
  try {
    return addresses.filter(({ address }) => isAllowed(allow, address, host))
  } catch (cause) {
    // An exception in this callback would end the process.
    return allowAddressFailure(host, cause)
  }
}

/**
 * The error for a rejected IP address in a URL, for which no look-up takes place. Undefined if the host is allowed or
 * is a name.
 */
export const validateLiteralAddress = (allow: AllowAddress, host: string): Error | undefined => {
  const literal = host.startsWith("[") ? host.slice(1, -1) : host
  if (isIP(literal) === 0) return undefined
  try {
    return isAllowed(allow, literal, host) ? undefined : new AddressNotAllowed(host)
  } catch (cause) {
    return allowAddressFailure(host, cause)
  }
}
