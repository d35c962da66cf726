/** Members, tags and conversions of values, by their types. */
import type { Case } from "./case.js"
import { effect, either, result, rewritten } from "./case.js"

export const members: ReadonlyArray<Case> = [
  rewritten(
    "renames a member by the type that declares it",
    [
      effect,
      "const a = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())",
      "const own = { unsafeCurrentTimeMillis: () => 1 }",
      "const b = own.unsafeCurrentTimeMillis()"
    ],
    [
      'import * as Clock from "effect/Clock"',
      effect,
      "const a = Effect.map(Clock.Clock, (clock) => clock.currentTimeMillisUnsafe())",
      "const own = { unsafeCurrentTimeMillis: () => 1 }",
      "const b = own.unsafeCurrentTimeMillis()"
    ]
  ),
  rewritten(
    "makes a Result of an Either: constructors, members, tags and cases",
    [
      either,
      'const a: Either.Either<number, string> = Either.left("no")',
      "const b = Either.isLeft(a) ? a.left : a.right",
      'const c = a._tag === "Left" ? "Left" : "Right"',
      "const d = Either.match(a, { onLeft: (text) => text, onRight: (n) => String(n) })",
      "const e = () => {",
      "  switch (a._tag) {",
      '    case "Left": return "Left"',
      '    case "Right": return a.right',
      "  }",
      "}"
    ],
    [
      result,
      'const a: Result.Result<number, string> = Result.fail("no")',
      "const b = Result.isFailure(a) ? a.failure : a.success",
      'const c = a._tag === "Failure" ? "Left" : "Right"',
      "const d = Result.match(a, { onFailure: (text) => text, onSuccess: (n) => String(n) })",
      "const e = () => {",
      "  switch (a._tag) {",
      '    case "Failure": return "Left"',
      '    case "Success": return a.success',
      "  }",
      "}"
    ]
  ),
  rewritten(
    "makes effects of an Either and an Option where an effect is expected, and nowhere else",
    [
      effect,
      either,
      'import * as Option from "effect/Option"',
      "const a = Effect.gen(function* () {",
      "  return (yield* Either.right(1)) + (yield* Option.some(2))",
      "})",
      "const b = Either.gen(function* () {",
      "  return yield* Either.right(1)",
      "})",
      'const c = Effect.flatMap(Effect.succeed(1), (n) => (n > 0 ? Either.right(n) : Either.left("no")))'
    ],
    [
      effect,
      'import * as Option from "effect/Option"',
      result,
      "const a = Effect.gen(function* () {",
      "  return (yield* Effect.fromResult(Result.succeed(1))) + (yield* Effect.fromOption(Option.some(2)))",
      "})",
      "const b = Result.gen(function* () {",
      "  return yield* Result.succeed(1)",
      "})",
      'const c = Effect.flatMap(Effect.succeed(1), (n) => Effect.fromResult((n > 0 ? Result.succeed(n) : Result.fail("no"))))'
    ]
  )
]

const platformError = 'import * as HttpClientError from "@effect/platform/HttpClientError"'

export const httpClientErrors: ReadonlyArray<Case> = [
  rewritten(
    "makes the reason of an HttpClientError an error of its own",
    [
      platformError,
      'declare const request: HttpClientError.RequestError["request"]',
      'const a = new HttpClientError.RequestError({ request, reason: "Transport", description: "no" })'
    ],
    [
      'import * as HttpClientError from "effect/http/HttpClientError"',
      'declare const request: HttpClientError.HttpClientError["request"]',
      'const a = new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, description: "no" }) })'
    ]
  ),
  rewritten(
    "compares what replaces the tag and the reason of an HttpClientError",
    [
      platformError,
      'const a = (error: HttpClientError.HttpClientError) => error._tag === "RequestError" && error.reason === "Transport"',
      'const b = (error: HttpClientError.HttpClientError) => error._tag !== "ResponseError" || error.reason !== "Decode"'
    ],
    [
      'import type * as HttpClientError from "effect/http/HttpClientError"',
      'const a = (error: HttpClientError.HttpClientError) => error.response === undefined && error.reason._tag === "TransportError"',
      'const b = (error: HttpClientError.HttpClientError) => !(error.response !== undefined) || error.reason._tag !== "DecodeError"'
    ]
  )
]
