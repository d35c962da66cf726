/** Token stampede: many fibers need a token at once while none is stored or the API rejects it. One refresh serves all. */
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

/** Results of a run. */
export interface TokenStampede {
  readonly fibers: number
  /** Number of acquired tokens. */
  readonly refreshes: number
  /** From the start of the first fiber until the last one waits. */
  readonly gatherSeconds: number
  /** From the token response until the last fiber has ended. */
  readonly releaseSeconds: number
  /** Heap growth per fiber while all wait. */
  readonly bytesPerFiber: number
}

const heap = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const elapsed = (begun: number): number => round((performance.now() - begun) / 1000, 3)

interface Gate {
  /** Number of acquired tokens. */
  readonly refreshes: () => number
  /** Whether all fibers wait. */
  readonly gathered: () => boolean
  readonly open: Effect.Effect<unknown>
}

const stampede = (fibers: number, one: Effect.Effect<unknown, unknown>, gate: Gate) =>
  Effect.gen(function* () {
    const idle = heap()
    const begun = performance.now()
    const all = yield* Effect.forEach(Array.from({ length: fibers }), () => Effect.fork(one))
    // A yield resumes after every fiber that can run.
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

/** No token is stored. */
const first = (fibers: number) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<Token.Token>()
    let [asked, refreshes] = [0, 0]
    const mint = () => {
      refreshes++
      return Deferred.await(gate)
    }
    const source = yield* TokenSource.make({ key: "stampede", acquireToken: mint, timeout: "10 minutes" })
    const one = Effect.suspend(() => {
      asked++
      return source.get
    })
    return yield* stampede(fibers, one, {
      refreshes: () => refreshes,
      gathered: () => asked === fibers,
      open: Deferred.succeed(gate, tokenOf("new"))
    })
  })

/** The API rejects the token, in calls of a whole client. */
const refused = (fibers: number) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<Token.Token>()
    let [refusals, refreshes] = [0, -1]
    const mint = () => {
      refreshes++
      return refreshes === 0 ? Effect.succeed(tokenOf("old")) : Deferred.await(gate)
    }
    const source = yield* TokenSource.make({ key: "stampede", acquireToken: mint, timeout: "10 minutes" })
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
    return yield* stampede(fibers, client.get("/json"), {
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

/** The methods of the process. */
export type TokenStampedeProgram = typeof methods

answer(methods)
