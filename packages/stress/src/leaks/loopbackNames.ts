/** Names that nobody has registered, which lead to this machine for as long as a scope lasts. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import dns from "node:dns"
import type { LookupAddress, LookupOptions } from "node:dns"
import { syncBuiltinESMExports } from "node:module"

type Found = (error: Error | null, address: string | Array<LookupAddress>, family?: number) => void

const isOurs = (host: string): boolean => /^(localhost|.*\.test)\.?$/i.test(host)

const address = "127.0.0.1"

const found = (options: LookupOptions | number, answer: Found): void => {
  const all = typeof options === "object" && options.all === true
  process.nextTick(() => (all ? answer(null, [{ address, family: 4 }]) : answer(null, address, 4)))
}

type Lookup = typeof dns.lookup

const patched = (real: Lookup): Lookup => {
  const lookup = (host: string, options: LookupOptions | Found, answer?: Found): void => {
    const [given, done] = typeof options === "function" ? [{}, options] : [options, answer]
    if (done === undefined || !isOurs(host)) Reflect.apply(real, dns, [host, given, done])
    else found(given, done)
  }
  // Its callers are Node's sockets, which want no promise of it.
  return Object.assign(lookup, { __promisify__: real.__promisify__ }) as Lookup
}

const set = (lookup: Lookup): void => {
  dns.lookup = lookup
  syncBuiltinESMExports()
}

/**
 * Every transport looks names up with `dns.lookup`, and not every one has an option for it: it is replaced, for `localhost`
 * and for names below `test`, which RFC 6761 §6.2 keeps free for this.
 */
export const loopback: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(
  Effect.acquireRelease(
    Effect.sync(() => {
      const real = dns.lookup
      set(patched(real))
      return real
    }),
    (real) => Effect.sync(() => set(real))
  )
)
