/** How long one turn of the event loop takes while a client reads text that a server chose. */
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

/** A transport that looks through what it receives in quadratic time, as a careless redaction does. */
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

/** Credentials that begin alike and are as long as a server may make them: 48 cookies of 4 KB and a token of 8 KB. */
const similar = (length: number): string => `${credentialStart}${"a".repeat(length)}`

/** A jar with all the 3000 cookies that it takes, of the server and of the hosts around it. */
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
      cookies: true,
      retry: false,
      circuitBreaker: false,
      rateLimit: false
    }).pipe(
      Effect.provideService(HttpClient.HttpClient, policy(transport)),
      Effect.provideService(CookieJar.CookieJar, jar)
    )
  })

/** Runs something and gives the longest time between two looks at the stopwatch, one in each turn of the event loop. */
const turnsOf = async (run: () => Promise<unknown>): Promise<number> => {
  let longest = 0
  let taken = Stopwatch.start()
  let isOver = false
  const look = () => {
    longest = Math.max(longest, taken())
    taken = Stopwatch.start()
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  await run()
  await new Promise((resolve) => setImmediate(resolve))
  isOver = true
  return longest
}

const schema = Schema.Struct({ id: Schema.Number, value: Schema.Literal("expected") })

/** One call, and all the ways in which its error may be printed. */
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
  /** How often each one. The shortest of its longest turns counts, because other programs only add to it. */
  readonly rounds: number
  /** Which of them: each, each third … */
  readonly step: number
  /** The search ends at a turn that is longer, in milliseconds. */
  readonly enough: number
}

const longestTurn = async (client: ApiClient.ApiClient, { enough, rounds, step }: Reading): Promise<LongestTurn> => {
  let worst: LongestTurn = { millis: 0, of: "none" }
  for (const path of Object.keys(chosenTexts).filter((_, at) => at % step === 0)) {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < rounds && best > worst.millis; round++) {
      best = Math.min(best, await turnsOf(() => callAndPrint(client, path)))
    }
    if (best > worst.millis) worst = { millis: best, of: textOf(path) }
    if (best > enough) break
  }
  return worst
}

/** Reads texts with a client whose jar is full, from a server at this socket. */
export const measure = (socketPath: string, isCareless: boolean, reading: Reading): Promise<LongestTurn> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(clientOf(socketPath, isCareless ? careless : (transport) => transport), (client) =>
        Effect.promise(() => longestTurn(client, reading))
      )
    )
  )
