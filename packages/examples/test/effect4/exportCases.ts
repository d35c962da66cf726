/** Exports, modules and calls of functions. */
import type { Case } from "./case.js"
import { effect, either, rewritten } from "./case.js"

export const exportsAndModules: ReadonlyArray<Case> = [
  rewritten(
    "renames an export of a namespace",
    [effect, "const a = Effect.fork(Effect.never)"],
    [effect, "const a = Effect.forkChild(Effect.never)"]
  ),
  rewritten(
    "keeps the local names of named imports, of two exports with one new name too",
    ['import { unwrapEffect, unwrapScoped as scoped } from "effect/Layer"', "const a = [unwrapEffect, scoped]"],
    ['import { unwrap as unwrapEffect, unwrap as scoped } from "effect/Layer"', "const a = [unwrapEffect, scoped]"]
  ),
  rewritten(
    "renames a module in values and types, and imports it as a type where that is enough",
    [either, effect, "type A = Either.Either<Effect.Effect<void>, string>"],
    [
      'import type * as Effect from "effect/Effect"',
      'import type * as Result from "effect/Result"',
      "type A = Result.Result<Effect.Effect<void>, string>"
    ]
  ),
  rewritten(
    "splits a module into two",
    ['import * as Encoding from "effect/Encoding"', 'const a = [Encoding.encodeBase64("x"), Encoding.encodeHex("x")]'],
    [
      'import * as Base64 from "effect/encoding/Base64"',
      'import * as Hex from "effect/encoding/Hex"',
      'const a = [Base64.encode("x"), Hex.encode("x")]'
    ]
  ),
  rewritten(
    "joins two modules in one import",
    [
      'import * as Config from "effect/Config"',
      'import * as ConfigError from "effect/ConfigError"',
      'const a = (error: ConfigError.ConfigError) => Config.string("A")'
    ],
    ['import * as Config from "effect/Config"', 'const a = (error: Config.ConfigError) => Config.String("A")']
  ),
  rewritten(
    "moves an export to another module",
    [effect, "const a = Effect.unsafeMakeSemaphore(1)"],
    ['import * as Semaphore from "effect/Semaphore"', "const a = Semaphore.makeUnsafe(1)"]
  ),
  rewritten(
    "moves modules of platform",
    ['import * as HttpClientRequest from "@effect/platform/HttpClientRequest"', 'const a = HttpClientRequest.get("/")'],
    ['import * as HttpClientRequest from "effect/http/HttpClientRequest"', 'const a = HttpClientRequest.get("/")']
  )
]

export const calls: ReadonlyArray<Case> = [
  rewritten(
    "moves the types of a tag behind its id",
    ['import * as Context from "effect/Context"', 'class A extends Context.Tag("A")<A, { readonly n: number }>() {}'],
    [
      'import * as Context from "effect/Context"',
      'class A extends Context.Service<A, { readonly n: number }>()("A") {}'
    ]
  ),
  rewritten(
    "makes a failure of a timeout, and two functions of one in a pipe",
    [
      effect,
      'const a = Effect.void.pipe(Effect.timeoutFail({ duration: 5, onTimeout: () => "late" }))',
      "const b = a.pipe(Effect.tapBoth({ onFailure: Effect.log, onSuccess: Effect.log }))"
    ],
    [
      effect,
      'const a = Effect.void.pipe(Effect.timeoutOrElse({ duration: 5, orElse: () => Effect.fail("late") }))',
      "const b = a.pipe(Effect.tapError(Effect.log), Effect.tap(Effect.log))"
    ]
  ),
  rewritten(
    "makes lists of schemas and literals, and renames types of schemas",
    [
      'import * as Schema from "effect/Schema"',
      "const a = Schema.Union(Schema.String, Schema.Number)",
      'const b = [Schema.Literal("a"), Schema.Literal("a", "b"), Schema.Literal(null)]',
      "const c = Schema.Record({ key: Schema.String, value: Schema.Number.pipe(Schema.positive()) })",
      "type A = Schema.Schema.Type<typeof a> | Schema.Schema<string, number>"
    ],
    [
      'import * as Schema from "effect/Schema"',
      "const a = Schema.Union([Schema.String, Schema.Number])",
      'const b = [Schema.Literal("a"), Schema.Literals(["a", "b"]), Schema.Null]',
      "const c = Schema.Record(Schema.String, Schema.Number.pipe(Schema.check(Schema.isGreaterThan(0))))",
      "type A = Schema.Schema.Type<typeof a> | Schema.Codec<string, number>"
    ]
  ),
  rewritten(
    "combines schedules as a list",
    [
      'import * as Schedule from "effect/Schedule"',
      "const a = Schedule.recurs(1).pipe(Schedule.intersect(Schedule.spaced(5)))"
    ],
    [
      'import * as Schedule from "effect/Schedule"',
      "const a = Schedule.recurs(1).pipe((self) => Schedule.max([self, Schedule.spaced(5)]))"
    ]
  )
]
