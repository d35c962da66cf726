/**
 * Idempotency keys: a unique key for each call, by which the server recognises a repeated request.
 *
 * Specification:
 * [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
 *
 * @since 0.1.0
 */
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { randomUuid } from "./internal/random/uuid.js"
import * as Effect from "effect/Effect"
import { runExternal } from "./internal/call/externalCode.js"
import { makePolicy } from "./internal/call/pipeline.js"
import * as OptionNames from "./internal/options/optionNames.js"
import type * as Policy from "./Policy.js"

/**
 * Options of idempotency keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Requests with these methods get a key (POST, PATCH). */
  readonly methods?: ReadonlyArray<HttpMethod> | undefined
  /** The name of the header field (`Idempotency-Key`). */
  readonly header?: string | undefined
  /** The effect that makes a key, run once per call ({@link uuid}). */
  readonly make?: Effect.Effect<string> | undefined
  /**
   * Whether the key is sent in double quotes (false). The
   * [draft](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07#section-2.1) requires them,
   * but existing APIs such as Stripe's expect the key without.
   */
  readonly quoted?: boolean | undefined
}

/**
 * Default values of {@link Options}. The header name is in lower case.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults = { methods: ["POST", "PATCH"], header: "idempotency-key", quoted: false } as const

const names: OptionNames.ShapeOf<Options> = { methods: true, header: true, make: true, quoted: true }

/**
 * The value of a client's `idempotencyKey` option.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdempotencyKey {
  /** Policy that adds a key to each request of the chosen methods that has none. */
  readonly policy: Policy.Policy
  /** The name of the header field in lower case. `Retry.policy` treats requests with this field as idempotent. */
  readonly header: string
}

/**
 * Makes a random UUID, version 4 ([RFC 9562 §5.4](https://www.rfc-editor.org/rfc/rfc9562#section-5.4)).
 *
 * Not from Effect's `Random`, which starts each process with one of 2³² seeds: among 100 000 processes, two would be likely to
 * make the same keys. For known keys in a test, set `make`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const uuid: Effect.Effect<string> = /* @__PURE__ */ Effect.sync(randomUuid)

/**
 * Makes the idempotency keys of a client. All hops and attempts of a call carry the same key.
 *
 * A key that the caller has set is kept. A request with a key is retried whatever its method. Use it only for an API that
 * supports the header, because any other API would execute a retried request twice.
 *
 * Specification:
 * [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
 *
 * @example
 * import * as ApiClient from "@countersign/client/ApiClient"
 * import * as Auth from "@countersign/client/Auth"
 * import * as IdempotencyKey from "@countersign/client/IdempotencyKey"
 *
 * const client = ApiClient.make({
 *   baseUrl: "https://api.example.com",
 *   auth: Auth.none,
 *   idempotencyKey: IdempotencyKey.make()
 * })
 *
 * @param options - methods, header name, and how the key is made. See {@link Options}.
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): IdempotencyKey => {
  OptionNames.known("IdempotencyKey", options, names)
  const header = (options.header ?? defaults.header).toLowerCase()
  const methods: ReadonlySet<string> = new Set(options.methods ?? defaults.methods)
  const key = options.make ?? uuid
  const value =
    (options.quoted ?? defaults.quoted)
      ? Effect.map(key, (text) => `"${text.replace(/["\\]/g, (char) => `\\${char}`)}"`)
      : key
  return {
    header,
    policy: makePolicy((request, next, context) =>
      methods.has(request.method) && request.headers[header] === undefined
        ? Effect.flatMap(options.make === undefined ? value : runExternal(value, context), (text) =>
            next(HttpClientRequest.setHeader(request, header, text), context)
          )
        : next(request, context)
    )
  }
}

/**
 * Idempotency key policy, for a custom pipeline: adds a key to each request of the chosen methods.
 *
 * If `header` is not `Idempotency-Key`, also set `idempotencyKeyHeader` of `Retry.policy`.
 *
 * @param options - methods, header name, and how the key is made. See {@link Options}.
 * @since 0.1.0
 * @category policies
 */
export const policy = (options: Options = {}): Policy.Policy => make(options).policy
