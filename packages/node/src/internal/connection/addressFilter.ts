import type { LookupAddress, LookupOptions } from "node:dns"
import Dns from "node:dns"
import { isIP } from "node:net"
import { DescribedFailure } from "../errors/describedFailure.js"
import { addressForms } from "./addressForms.js"

/** Says of an IP address that a host name stands for, or that a URL names itself, whether to connect to it. */
export type AllowAddress = (address: string, host: string) => boolean

/** An address that `allowAddress` rejects. Nothing was sent, and no further attempt has another outcome. */
class AddressNotAllowed extends Error {
  override readonly name: string = "AddressNotAllowed"
  readonly code: string = "ERR_COUNTERSIGN_ADDRESS_BLOCKED"
  readonly syscall: string = "connect"

  constructor(host: string) {
    super(`no address of ${host} is allowed`)
  }
}

/** A rule that fails allows nothing; the error that it threw is the cause. */
const allowAddressFailure = (host: string, cause: unknown): DescribedFailure => {
  const detail = `allowAddress threw for ${host}; its error is the cause`
  return new DescribedFailure({ reason: "AddressBlocked", code: "ERR_COUNTERSIGN_ADDRESS_BLOCKED", detail }, cause)
}

/** A rule that rejects 127.0.0.1 also rejects the addresses that stand for it, such as ::ffff:127.0.0.1 and 0.0.0.0. */
const isAllowed = (allow: AllowAddress, address: string, host: string): boolean =>
  addressForms(address).every((form) => allow(form, host))

type LookupCallback = (error: Error | null, address: string | Array<LookupAddress>, family?: number) => void

/** How Node's sockets look names up: `all` asks for a list, of which they try one after the other. */
export type Lookup = (host: string, options: LookupOptions, callback: LookupCallback) => void

/**
 * A name's addresses, but for those that are not allowed. The one that is connected to is one that was asked about:
 * no second look-up can give another.
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
    // Thrown from here it would end the process.
    return allowAddressFailure(host, cause)
  }
}

/** What a literal address, of which nobody asks any server of names, fails with; undefined where it is allowed. */
export const validateLiteralAddress = (allow: AllowAddress, host: string): Error | undefined => {
  const literal = host.startsWith("[") ? host.slice(1, -1) : host
  if (isIP(literal) === 0) return undefined
  try {
    return isAllowed(allow, literal, host) ? undefined : new AddressNotAllowed(host)
  } catch (cause) {
    return allowAddressFailure(host, cause)
  }
}
