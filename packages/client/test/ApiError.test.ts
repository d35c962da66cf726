import * as ApiError from "@countersign/client/ApiError"
import * as Errors from "@countersign/client/Errors"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { expectTypeOf } from "vitest"
import { SchemeError } from "./support/schemeError.js"
import { api, failure } from "./support/mockApi.js"

const request = { method: "POST", url: "https://api.test/x" }
const exchange = (status: number) => ({ ...request, status })
const at = { retryAfter: Duration.seconds(1), retryAt: DateTime.unsafeMake(1000) }
const origin = "https://api.test"
const transport = (reason: Errors.TransportReason, sent: "no" | "maybe" = "maybe", proxyStatus?: number) =>
  new Errors.TransportError({ ...request, reason, sent, proxy: { origin, status: proxyStatus } })

type AnyError = Errors.ApiError | Errors.InvalidResponse

/** The transport's reasons. `Record` requires all of them. */
const transientByReason: Record<Errors.TransportReason, boolean> = {
  NameNotResolved: true,
  ConnectionRefused: true,
  ConnectTimeout: true,
  ConnectionReset: true,
  HeadersTimeout: true,
  BodyTimeout: true,
  Truncated: true,
  Unknown: true,
  ProxyFailed: true,
  AddressBlocked: false,
  Tls: false,
  HeaderTooLarge: false,
  InvalidContentEncoding: false,
  InvalidHttpResponse: false,
  RequestBodyFailed: false
}

// The columns: the error, whether it is transient, whether the server may have acted.
const table: ReadonlyArray<readonly [string, AnyError, boolean, boolean]> = [
  ...Object.entries(transientByReason).flatMap(([reason, isTransient]) =>
    (["no", "maybe"] as const).map(
      (sent) =>
        [
          `TransportError ${reason}, sent ${sent}`,
          // The keys of the record are the reasons.
          transport(reason as Errors.TransportReason, sent),
          isTransient,
          sent === "maybe"
        ] as const
    )
  ),
  ["TransportError of a proxy with 407", transport("ProxyFailed", "no", 407), false, false],
  ["TransportError of a proxy with 502", transport("ProxyFailed", "no", 502), true, false],
  ["TransportError of a proxy with 429", transport("ProxyFailed", "no", 429), true, false],
  ...(["call", "exchange"] as const).map(
    (scope) =>
      [
        `Timeout of the ${scope}`,
        new Errors.Timeout({ ...request, scope, after: Duration.seconds(1) }),
        true,
        true
      ] as const
  ),
  ["CircuitOpen", new Errors.CircuitOpen({ origin, ...at }), true, false],
  ["Overloaded", new Errors.Overloaded({ origin, limit: 1, queued: 1 }), true, false],
  ...[403, 413, 429].map(
    (status) => [`RateLimited with ${status}`, new Errors.RateLimited(exchange(status)), true, false] as const
  ),
  ...[303, 500, 503].map(
    (status) => [`RateLimited with ${status}`, new Errors.RateLimited(exchange(status)), true, true] as const
  ),
  ...(["throttle", "clientLimit"] as const).map(
    (source) =>
      [`RateLimited of a ${source}`, new Errors.RateLimited({ ...exchange(503), source }), true, false] as const
  ),
  ...[404, 408, 500, 502, 503, 504, 529].map(
    (status) => [`Unavailable with ${status}`, new Errors.Unavailable(exchange(status)), true, true] as const
  ),
  ["Unavailable with 425", new Errors.Unavailable(exchange(425)), true, false],
  ...[501, 505, 511].map(
    (status) => [`Unavailable with ${status}`, new Errors.Unavailable(exchange(status)), false, true] as const
  ),
  ["Unauthorized", new Errors.Unauthorized({ ...exchange(401), challenges: [], reason: "Rejected" }), false, false],
  ["Forbidden", new Errors.Forbidden({ ...exchange(403), challenges: [] }), false, false],
  ["ClientError", new Errors.ClientError(exchange(409)), false, false],
  [
    "RedirectRejected",
    new Errors.RedirectRejected({ ...exchange(303), reason: "Downgrade", location: "http://a.test" }),
    false,
    true
  ],
  ["BodyTooLarge", new Errors.BodyTooLarge({ ...request, limit: 1 }), false, true],
  ["InvalidRequest", new Errors.InvalidRequest({ reason: "Url", detail: "d" }), false, false],
  ["InvalidResponse", new Errors.InvalidResponse({ ...exchange(200), reason: "Json", mismatches: [] }), false, true]
]

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}) {}

const foreign: ReadonlyArray<readonly [string, unknown]> = [
  ["the error of a scheme", new SchemeError({ message: "m" })],
  ["an error of another library with the same tag", new Unauthorized()],
  ["an object with a tag", { _tag: "RateLimited", message: "m", retryAt: at.retryAt }],
  ["a plain error", new Error("m")],
  ["null", null],
  ["undefined", undefined],
  ["a text", "RateLimited"]
]

describe("ApiError predicates", () => {
  it("decide for every error of a call", () => {
    expect(new Set(table.map(([, error]) => error._tag)).size).toBe(13)
    for (const [name, error, isTransient, mayHaveActed] of table) {
      expect(ApiError.is(error), name).toBe(true)
      expect(ApiError.isTransient(error), name).toBe(isTransient)
      expect(ApiError.mayHaveActed(error), name).toBe(mayHaveActed)
      expect(ApiError.isRetryable(error, { idempotent: true }), name).toBe(isTransient)
      expect(ApiError.isRetryable(error, { idempotent: false }), name).toBe(isTransient && !mayHaveActed)
    }
  })

  it("accept any value, and assume that the server has acted", () => {
    for (const [name, value] of foreign) {
      expect(ApiError.is(value), name).toBe(false)
      expect(ApiError.isTransient(value), name).toBe(false)
      expect(ApiError.mayHaveActed(value), name).toBe(true)
      expect(ApiError.isRetryable(value, { idempotent: true }), name).toBe(false)
      expect(ApiError.retryAt(value), name).toEqual(Option.none())
    }
  })

  it.effect("follow `x-should-retry` of the response, also in a span", () =>
    Effect.gen(function* () {
      for (const status of [409, 429, 500]) {
        for (const hint of [true, false]) {
          const { api: client } = yield* api(
            () => MockClient.respond(status, undefined, { "x-should-retry": String(hint) }),
            { retry: false }
          )
          const error = yield* failure(client.get("/x").pipe(Effect.withSpan("load")))
          expect(ApiError.isTransient(error)).toBe(hint)
        }
      }
    })
  )
})

describe("ApiError.retryAt", () => {
  it("returns the time of RateLimited, Unavailable and CircuitOpen", () => {
    for (const error of [
      new Errors.RateLimited({ ...exchange(429), ...at }),
      new Errors.Unavailable({ ...exchange(503), ...at }),
      new Errors.CircuitOpen({ origin, ...at })
    ]) {
      expect(ApiError.retryAt(error)).toEqual(Option.some(at.retryAt))
    }
    for (const [name, error] of table) {
      if (error._tag !== "CircuitOpen") expect(ApiError.retryAt(error), name).toEqual(Option.none())
    }
  })
})

describe("ApiError groups", () => {
  it("contain the errors that the predicates describe", () => {
    const transientTags = new Set(table.flatMap(([, error, isTransient]) => (isTransient ? [error._tag] : [])))
    expect(new Set(ApiError.transient)).toEqual(transientTags)
    for (const tag of ApiError.refused) {
      const error = table.find(([, { _tag }]) => _tag === tag)?.[1]
      expect(error !== undefined && "status" in error && "body" in error, tag).toBe(true)
    }
    expect(ApiError.refused).toEqual(expect.arrayContaining([...ApiError.credentials]))
  })

  it.effect("serve as arguments of `Effect.catchTag`", () =>
    Effect.gen(function* () {
      for (const [name, error] of table) {
        const call: Effect.Effect<string, AnyError> = Effect.fail(error)
        const later = yield* Effect.flip(Effect.catchTag(call, ...ApiError.transient, () => Effect.fail("later")))
        const isLater = ApiError.transient.some((tag) => tag === error._tag)
        expect(later === "later", name).toBe(isLater)
      }
    })
  )

  it("keep the other errors typed", () => {
    const call: Effect.Effect<number, Errors.ApiError | Errors.InvalidResponse | SchemeError> = Effect.succeed(1)
    const later = Effect.catchTag(call, ...ApiError.transient, (error) => {
      expectTypeOf(error._tag).toEqualTypeOf<(typeof ApiError.transient)[number]>()
      return Effect.succeed("later" as const)
    })
    expectTypeOf(later).toEqualTypeOf<
      Effect.Effect<
        number | "later",
        | Errors.Unauthorized
        | Errors.Forbidden
        | Errors.ClientError
        | Errors.BodyTooLarge
        | Errors.InvalidRequest
        | Errors.RedirectRejected
        | Errors.InvalidResponse
        | SchemeError
      >
    >()
    const signedIn = call.pipe(Effect.catchTag(...ApiError.credentials, () => Effect.succeed(0)))
    expectTypeOf(signedIn).toEqualTypeOf<
      Effect.Effect<number, Exclude<Effect.Effect.Error<typeof call>, Errors.Unauthorized | Errors.Forbidden>>
    >()
    const answered = call.pipe(
      Effect.catchTag(...ApiError.refused, (error) => {
        expectTypeOf(error.status).toEqualTypeOf<number>()
        expectTypeOf(error.body).toEqualTypeOf<unknown>()
        expectTypeOf(error.serverMessage).toEqualTypeOf<string | undefined>()
        return Effect.succeed(0)
      })
    )
    expectTypeOf(answered).toExtend<Effect.Effect<number, unknown>>()
    const narrow: Effect.Effect<number, Exclude<Errors.ApiError, Errors.CircuitOpen>> = Effect.succeed(1)
    // @ts-expect-error -- the effect cannot fail with all of the tags.
    Effect.catchTag(narrow, ...ApiError.transient, () => Effect.succeed(0))
    const caught = narrow.pipe(Effect.catchIf(ApiError.isTransient, () => Effect.succeed("later" as const)))
    expectTypeOf(caught).toExtend<Effect.Effect<number | "later", unknown>>()
    const unknown: unknown = undefined
    if (ApiError.is(unknown)) expectTypeOf(unknown).toEqualTypeOf<Errors.ApiError | Errors.InvalidResponse>()
    expectTypeOf<ApiError.ApiError>().toEqualTypeOf<Errors.ApiError>()
  })
})

describe("find", () => {
  const error = new Errors.Timeout({ ...request, scope: "call", after: Duration.seconds(1) })
  /** An error with an error within, as an SDK has. */
  const within = (cause: unknown, levels: number): unknown =>
    levels === 0 ? cause : within(new Error("of an SDK", { cause }), levels - 1)

  it.each([0, 1, 2, 9])("finds the error of a call below %i other errors", (levels) => {
    expect(ApiError.find(within(error, levels))).toEqual(Option.some(error))
  })

  it("finds the outer one of two errors of a call", () => {
    const outer = new Errors.TransportError({ ...request, reason: "Unknown", sent: "no", cause: error })
    expect(ApiError.find(within(outer, 1))).toEqual(Option.some(outer))
  })

  const circle: { cause?: unknown } = {}
  circle.cause = circle

  it.each([
    ["no error", undefined],
    ["a text", "Timeout"],
    ["an error of another library with the same tag", within({ _tag: "Timeout" }, 1)],
    ["an error without a cause", within(undefined, 1)],
    ["a circle of causes", circle],
    ["an error below ten others", within(error, 10)]
  ])("finds none in %s", (_, value) => {
    expect(ApiError.find(value)).toEqual(Option.none())
  })
})
