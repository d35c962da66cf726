/** Duration of one turn of the event loop while a client reads text that a server chose. */
import * as Bearer from "@countersign/auth/Bearer"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Policy from "@countersign/client/Policy"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { chosenTexts, credentialStart, textOf } from "./chosenText.js"
import * as Stopwatch from "../time/stopwatch.js"

/** The longest turn in milliseconds, and the text that was read in it. */
export interface LongestTurn {
  readonly millis: number
  readonly of: string
}

const names = ["secret", "token", "password"]

/** A policy that searches the response headers in quadratic time, as careless redaction does. */
const careless = Policy.make((request, next) =>
  Effect.tap(next(request), ({ headers }) => {
    const all = JSON.stringify(headers)
    let found = 0
    for (let at = 0; at < all.length; at++) {
      if (names.some((name) => all.slice(at).toLowerCase().endsWith(name))) found++
    }
    return Effect.succeed(found)
  })
)

/** Credentials that begin alike, of the maximum length: 48 cookies of 4 KB and a token of 8 KB. */
const similar = (length: number): string => `${credentialStart}${"a".repeat(length)}`

/** Fills a jar with its maximum of 3000 cookies, of the server and of hosts in the same domain. */
const fillJar = (jar: CookieJar.Service) =>
  Effect.gen(function* () {
    for (let host = 0; host < 60; host++) {
      const lines = Array.from({ length: 50 }, (_, path) => `a=${path}; Secure; Path=/p${path}`)
      yield* jar.store(`https://h${host}.evil.test/`, lines)
    }
    const own = Array.from({ length: 48 }, (_, name) => `c${name}=${similar(3990 - name)}; Path=/`)
    yield* jar.store("http://api.evil.test/", own)
  })

const clientOf = (socketPath: string, policy: Policy.Policy) =>
  Effect.gen(function* () {
    const jar = yield* CookieJar.makeMemory
    yield* fillJar(jar)
    const transport = yield* NodeTransport.make({ socketPath })
    return yield* ApiClient.make({
      baseUrl: "http://api.evil.test",
      auth: Bearer.make(Redacted.make(similar(8000))),
      cookies: jar,
      retry: false,
      circuitBreaker: false,
      rateLimit: false
    }).pipe(Effect.provideService(HttpClient.HttpClient, policy(transport)))
  })

/** Runs something and returns the longest time between two readings of a stopwatch, one per turn of the event loop. */
const turnsOf = async (run: () => Promise<unknown>): Promise<number> => {
  let longest = 0
  let taken = Stopwatch.start()
  let isOver = false
  const measureTurn = () => {
    longest = Math.max(longest, taken())
    taken = Stopwatch.start()
    if (!isOver) setImmediate(measureTurn)
  }
  setImmediate(measureTurn)
  await run()
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return longest
}

const schema = Schema.Struct({ id: Schema.Number, value: Schema.Literal("expected") })

/** One call. Its error is printed in all ways. */
const callAndPrint = (client: ApiClient.ApiClient, path: string): Promise<unknown> =>
  Effect.runPromise(
    Effect.map(Effect.sandbox(client.get(`/${path}`, { schema })).pipe(Effect.either), (either) =>
      either._tag === "Right"
        ? 0
        : [Cause.pretty(either.left), inspect(either.left, { depth: 9 }), JSON.stringify(either.left)].join().length
    )
  )

/** How the texts are read. */
export interface Reading {
  /** Repetitions of each text. The shortest of its longest turns counts, because other programs only add time. */
  readonly rounds: number
  /** Reads every `step`-th text. */
  readonly step: number
  /** Ends at a turn that is longer, in milliseconds. */
  readonly stopAbove: number
}

const longestTurn = async (client: ApiClient.ApiClient, { stopAbove, rounds, step }: Reading): Promise<LongestTurn> => {
  let worst: LongestTurn = { millis: 0, of: "none" }
  for (const path of Object.keys(chosenTexts).filter((_, at) => at % step === 0)) {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < rounds && best > worst.millis; round++) {
      best = Math.min(best, await turnsOf(() => callAndPrint(client, path)))
    }
    if (best > worst.millis) worst = { millis: best, of: textOf(path) }
    if (best > stopAbove) break
  }
  return worst
}

/** Reads the texts from a server at this socket, with a client that has a full cookie jar. */
export const measure = (socketPath: string, isCareless: boolean, reading: Reading): Promise<LongestTurn> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(clientOf(socketPath, isCareless ? careless : (transport) => transport), (client) =>
        Effect.promise(() => longestTurn(client, reading))
      )
    )
  )
