/** Very many fibers that want a token while there is none, or one that is refused: one gets another, for all. */
import * as Bearer from "@countersign/auth/Bearer"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Memory from "../Memory.js"
import { round } from "../Numbers.js"
import { answer } from "../Remote.js"

/** What happened. */
export interface TokenStampede {
  readonly fibers: number
  /** Tokens that were got. */
  readonly refreshes: number
  /** From the first fiber's begin until the last one waits. */
  readonly gatherSeconds: number
  /** From the token's arrival until the last fiber has ended. */
  readonly releaseSeconds: number
  /** What the heap has grown by while all wait, for each. */
  readonly bytesPerFiber: number
}

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const elapsed = (begun: number): number => round((performance.now() - begun) / 1000, 3)

interface Gate {
  /** Tokens that were got. */
  readonly refreshes: () => number
  /** Whether everybody waits. */
  readonly gathered: () => boolean
  readonly open: Effect.Effect<unknown>
}

const storm = (fibers: number, one: Effect.Effect<unknown, unknown>, gate: Gate) =>
  Effect.gen(function* () {
    const idle = heap()
    const begun = performance.now()
    const all = yield* Effect.forEach(Array.from({ length: fibers }), () => Effect.fork(one))
    // A yield is behind every fiber that has something to do.
    yield* Effect.repeat(Effect.yieldNow(), { until: gate.gathered })
    const gatherSeconds = elapsed(begun)
    yield* Effect.sleep("100 millis")
    const bytesPerFiber = Math.round((heap() - idle) / fibers)
    const opened = performance.now()
    yield* gate.open
    for (const fiber of all) yield* Fiber.join(fiber)
    const releaseSeconds = elapsed(opened)
    return { fibers, refreshes: gate.refreshes(), gatherSeconds, releaseSeconds, bytesPerFiber } satisfies TokenStampede
  })

const tokenOf = (text: string): Token.Token => Token.bearer(Redacted.make(text), 0)

/** Nobody has a token yet. */
const first = (fibers: number) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<Token.Token>()
    let [asked, refreshes] = [0, 0]
    const mint = () => {
      refreshes++
      return Deferred.await(gate)
    }
    const source = yield* TokenSource.make({ key: "storm", mint, timeout: "10 minutes" })
    const one = Effect.suspend(() => {
      asked++
      return source.get
    })
    return yield* storm(fibers, one, {
      refreshes: () => refreshes,
      gathered: () => asked === fibers,
      open: Deferred.succeed(gate, tokenOf("new"))
    })
  })

/** Everybody's token is refused, in calls of a whole client. */
const refused = (fibers: number) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<Token.Token>()
    let [refusals, refreshes] = [0, -1]
    const mint = () => {
      refreshes++
      return refreshes === 0 ? Effect.succeed(tokenOf("old")) : Deferred.await(gate)
    }
    const source = yield* TokenSource.make({ key: "storm", mint, timeout: "10 minutes" })
    const transport = Memory.transportOf((request) => {
      if (request.headers["authorization"] !== "Bearer old") return Memory.answer(request)
      refusals++
      return Memory.refusal(request)
    })
    const client = yield* Effect.provideService(
      ApiClient.make({ baseUrl: Memory.baseUrl, auth: Bearer.fromSource(source), timeout: { call: "10 minutes" } }),
      HttpClient.HttpClient,
      transport
    )
    return yield* storm(fibers, client.get("/json"), {
      refreshes: () => refreshes,
      gathered: () => refusals === fibers,
      open: Deferred.succeed(gate, tokenOf("new"))
    })
  })

const run = <E>(
  program: Effect.Effect<TokenStampede, E, TokenStore.TokenStore | Scope.Scope>
): Promise<TokenStampede> => Effect.runPromise(Effect.scoped(Effect.provide(program, TokenStore.layerMemory)))

const methods = {
  first: (fibers: number) => run(first(fibers)),
  refused: (fibers: number) => run(refused(fibers))
}

/** What the process answers to. */
export type TokenStampedeProgram = typeof methods

answer(methods)
