/**
 * Counts interpreter steps of Effect, fibers and bytes of one call: a GET through every policy over a transport in memory.
 * The counts do not depend on time or machine.
 */
import * as Bearer from "@countersign/auth/Bearer"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlagsPatch from "effect/RuntimeFlagsPatch"
import * as Supervisor from "effect/Supervisor"
import { mint } from "../cases/ours.js"
import { baseUrl, fresh } from "../Memory.js"
import { answer } from "../Remote.js"

class Counter extends Supervisor.AbstractSupervisor<void> {
  steps = 0
  fibers = 0
  override readonly value: Effect.Effect<void> = Effect.void
  override onEffect(): void {
    this.steps++
  }
  override onStart(): void {
    this.fibers++
  }
}

const services = Layer.mergeAll(
  TokenSource.layer({ key: "count", acquireToken: () => mint }).pipe(Layer.provide(TokenStore.layerMemory)),
  CookieJar.layerMemory,
  Layer.succeed(HttpClient.HttpClient, fresh)
)

/** A call, after a first call that acquired the token. */
const warm = Effect.gen(function* () {
  const auth = Bearer.fromSource(yield* TokenSource.TokenSource)
  const client = yield* ApiClient.make({
    baseUrl,
    auth,
    cookies: yield* CookieJar.makeMemory,
    circuitBreaker: yield* CircuitBreaker.make(),
    concurrency: yield* Concurrency.make({ limit: 100 })
  })
  const call = Effect.suspend(() => client.get("/json"))
  yield* call
  return call
})

/** Steps and fibers of one call, without the calling fiber. */
const steps = Effect.gen(function* () {
  const call = yield* warm
  const counter = new Counter()
  const counted = (effect: Effect.Effect<unknown, unknown>) =>
    effect.pipe(
      Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.enable(RuntimeFlags.OpSupervision)),
      Effect.supervised(counter)
    )
  const taken = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.map(counted(effect), () => {
      const { fibers, steps } = counter
      counter.fibers = 0
      counter.steps = 0
      return { fibers, steps }
    })
  const nothing = yield* taken(Effect.void)
  const all = yield* taken(call)
  return { steps: all.steps - nothing.steps, fibers: all.fibers - nothing.fibers }
})

const calls = 1000

/** Heap bytes that one call allocates, before a garbage collection. */
const bytes = Effect.gen(function* () {
  const call = yield* warm
  const many = Effect.suspend(() => {
    let left = calls
    return Effect.whileLoop({ while: () => left-- > 0, body: () => call, step: () => undefined })
  })
  yield* many
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  yield* many
  return Math.round((process.memoryUsage().heapUsed - before) / calls)
})

const methods = {
  steps: () => Effect.runPromise(Effect.provide(steps, services)),
  bytes: () => Effect.runPromise(Effect.provide(bytes, services))
}

/** The methods of the process. */
export type Count = typeof methods

answer(methods)
