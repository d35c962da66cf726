/** The HTTP cache tests: one case for each suite. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpCache from "@countersign/client/HttpCache"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Case } from "../Case.js"
import { CaseFailed, succeeds } from "../Case.js"
import * as OriginServer from "../cacheTests/OriginServer.js"
import * as Runner from "../cacheTests/Runner.js"
import type { Score } from "../cacheTests/Score.js"
import { score } from "../cacheTests/Score.js"
import type { Test } from "../cacheTests/Suite.js"
import * as Suite from "../cacheTests/Suite.js"

const suites = [
  "cc-freshness",
  "cc-parse",
  "age-parse",
  "expires",
  "expires-parse",
  "cc-response",
  "stale",
  "heuristic",
  "method",
  "status",
  "cc-request",
  "pragma",
  "vary",
  "vary-parse",
  "conditional-inm",
  "headers",
  "update304",
  "updateHEAD",
  "invalidation",
  "partial",
  "other"
]

/** The cases of a suite, and those of other suites that they depend on. */
const withDependencies = (tests: ReadonlyArray<Test>, suite: string): ReadonlyArray<Test> => {
  const wanted = new Map(tests.filter((test) => test.suite === suite).map((test) => [test.id, test]))
  for (const { depends_on } of wanted.values()) {
    for (const test of tests.filter(({ id }) => depends_on.includes(id))) wanted.set(test.id, test)
  }
  return [...wanted.values()]
}

type MakeCache = Effect.Effect<HttpCache.HttpCache, never, Scope.Scope>

/** Runs all cases of a suite at once: each has paths, a client and a cache of its own. */
export const runSuite = (
  suite: string,
  makeCache: MakeCache
): Effect.Effect<Score, never, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* OriginServer.make
    const outcomes = yield* Effect.forEach(
      withDependencies(yield* Suite.load, suite),
      (test) => Effect.map(Runner.run(server, test, makeCache), (failure) => ({ test, failure })),
      { concurrency: "unbounded" }
    )
    return score(suite, outcomes)
  })

/** The cache of the client. */
export const memory: Effect.Effect<HttpCache.HttpCache> = Effect.sync(() => HttpCache.memory())

const suiteCase = (suite: string): Case =>
  succeeds(`cache/${suite}`, () =>
    Effect.flatMap(runSuite(suite, memory), ({ text, wrong }) =>
      wrong.length === 0
        ? Effect.succeed(text)
        : Effect.fail(new CaseFailed({ message: `${text}. Wrong: ${wrong.join("; ")}` }))
    )
  )

export const cacheTests: ReadonlyArray<Case> = suites.map(suiteCase)
