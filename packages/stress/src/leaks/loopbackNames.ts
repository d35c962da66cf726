/** Host names that lead to this machine until the scope closes. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import dns from "node:dns"
import type { LookupAddress, LookupOptions } from "node:dns"
import { syncBuiltinESMExports } from "node:module"

type Found = (error: Error | null, address: string | Array<LookupAddress>, family?: number) => void

const isOurs = (host: string): boolean => /^(localhost|.*\.test)\.?$/i.test(host)

const address = "127.0.0.1"

const respond = (options: LookupOptions | number, callback: Found): void => {
  const all = typeof options === "object" && options.all === true
  process.nextTick(() => (all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)))
}

type Lookup = typeof dns.lookup

const patched = (original: Lookup): Lookup => {
  const lookup = (host: string, options: LookupOptions | Found, callback?: Found): void => {
    const [lookupOptions, done] = typeof options === "function" ? [{}, options] : [options, callback]
    if (done === undefined || !isOurs(host)) Reflect.apply(original, dns, [host, lookupOptions, done])
    else respond(lookupOptions, done)
  }
  // The callers are sockets of Node, which do not use the promise form.
  return Object.assign(lookup, { __promisify__: original.__promisify__ }) as Lookup
}

const set = (lookup: Lookup): void => {
  dns.lookup = lookup
  syncBuiltinESMExports()
}

/**
 * Replaces `dns.lookup`, which every transport uses, because not every transport has an option for it. Applies to
 * `localhost` and to names below `test`, which RFC 6761 §6.2 reserves.
 */
export const loopback: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(
  Effect.acquireRelease(
    Effect.sync(() => {
      const original = dns.lookup
      set(patched(original))
      return original
    }),
    (original) => Effect.sync(() => set(original))
  )
)
