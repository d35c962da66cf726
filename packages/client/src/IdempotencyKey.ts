/**
 * A key of its own for each call that changes something, so that the server can tell a second send from a second wish.
 *
 * @since 0.1.0
 */
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Policy from "./Policy.js"

/**
 * Which requests get a key, and how it is made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The methods of the requests that get one (POST, PATCH). */
  readonly methods?: ReadonlyArray<HttpMethod> | undefined
  /** The header that carries it (`Idempotency-Key`). */
  readonly header?: string | undefined
  /** Makes a key ({@link uuid}); run once a call. */
  readonly make?: Effect.Effect<string> | undefined
  /**
   * Whether the key is sent in double quotes, as the
   * [draft](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07#section-2.1) of a standard
   * wants it (false): the APIs that have had such a header for years, Stripe's among them, take it bare.
   */
  readonly quoted?: boolean | undefined
}

/**
 * What {@link Options} are when they are left out. A header's name has no case.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { methods: ["POST", "PATCH"], header: "idempotency-key", quoted: false } as const

/**
 * Keys for a client: its option `idempotencyKey`.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdempotencyKey {
  /** Gives a key to each call that is to have one and brings none. */
  readonly policy: Policy.Policy
  /** The name of the header, in lower case: the retry looks for it. */
  readonly header: string
}

const liveRandom = /* @__PURE__ */ Context.get(DefaultServices.liveServices, Random.Random)

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const formatted = (bytes: Uint8Array): string => {
  // The version and the variant: RFC 9562 §5.4.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const text = hex(bytes)
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-")
}

/**
 * A random UUID ([RFC 9562 §5.4](https://www.rfc-editor.org/rfc/rfc9562#section-5.4)). Under a `Random` that somebody has
 * provided it is that one's, and the same each time for the same seed. Otherwise it is the system's: Effect's own `Random`
 * begins each process with one of 2³² seeds, so that among a hundred thousand of them two would make the same keys.
 *
 * @since 0.1.0
 * @category constructors
 */
export const uuid: Effect.Effect<string> = /* @__PURE__ */ Effect.randomWith((random) => {
  const bytes = new Uint8Array(16)
  if (random === liveRandom) return Effect.sync(() => formatted(globalThis.crypto.getRandomValues(bytes)))
  return Effect.map(
    Effect.forEach(bytes, () => random.nextIntBetween(0, 256)),
    (values) => formatted(Uint8Array.from(values))
  )
})

/**
 * Makes the keys of a client. A key is made once a call, and is the same on each of its hops and attempts; a header that
 * the caller has set stays as it is. A request with a key is retried whatever its method: say so only to an API
 * that knows the header, since one that does not would do twice what is sent twice.
 *
 * Specification: [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): IdempotencyKey => {
  const header = (options.header ?? defaults.header).toLowerCase()
  const methods: ReadonlySet<string> = new Set(options.methods ?? defaults.methods)
  const key = options.make ?? uuid
  const value =
    (options.quoted ?? defaults.quoted)
      ? Effect.map(key, (text) => `"${text.replace(/["\\]/g, (char) => `\\${char}`)}"`)
      : key
  return {
    header,
    policy: Policy.make((request, next) =>
      methods.has(request.method) && request.headers[header] === undefined
        ? Effect.flatMap(value, (text) => next(HttpClientRequest.setHeader(request, header, text)))
        : next(request)
    )
  }
}

/**
 * {@link make}'s policy, for an order of one's own. With another header than `Idempotency-Key`, `Retry.policy` has to be
 * told of it (`idempotencyKeyHeader`).
 *
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options = {}): Policy.Policy => make(options).policy
