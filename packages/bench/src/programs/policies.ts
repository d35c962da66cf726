/** Processor time of each policy around a transport in memory that responds at once. */
import * as Bearer from "@countersign/auth/Bearer"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as CookieJar from "@countersign/client/CookieJar"
import * as Cookies from "@countersign/client/Cookies"
import * as HttpCache from "@countersign/client/HttpCache"
import * as RequestDefaults from "@countersign/client/RequestDefaults"
import * as RateLimit from "@countersign/client/RateLimit"
import * as Redirects from "@countersign/client/Redirects"
import * as Retry from "@countersign/client/Retry"
import * as Status from "@countersign/client/Status"
import * as Telemetry from "@countersign/client/Telemetry"
import * as Timeout from "@countersign/client/Timeout"
import * as Transport from "@countersign/client/Transport"
import * as Verb from "@countersign/client/Verb"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { Call, Repetitions, Subject } from "../CpuTime.js"
import { differences } from "../CpuTime.js"
import { mint } from "../cases/ours.js"
import { baseUrl, cacheable, fresh, request, same, transport, transportOf } from "../Memory.js"
import { answer } from "../Remote.js"

const bare: Call = Effect.suspend(() => transport.execute(request))

const around = (name: string, client: HttpClient.HttpClient.With<unknown>): Subject => ({
  name,
  call: Effect.suspend(() => client.execute(request)),
  base: bare
})

const jarWithCookie = Effect.tap(CookieJar.makeMemory, (jar) => jar.store(baseUrl, ["session=0123456789; Path=/"]))

const subjects = Effect.gen(function* () {
  const auth = Bearer.fromSource(yield* TokenSource.TokenSource)
  const client = yield* ApiClient.make({
    baseUrl,
    auth,
    cookies: yield* CookieJar.makeMemory,
    circuitBreaker: yield* CircuitBreaker.make(),
    concurrency: yield* Concurrency.make({ limit: 100 })
  })
  const read = Effect.suspend(() => fresh.execute(request))
  const cached = HttpCache.policy(HttpCache.memory(), {
    ...{ auth, ownAuth: auth },
    ...{ readsBodies: true, settings: {} }
  })
  const get = Verb.make("GET", () => Effect.succeed(same))
  const all: ReadonlyArray<Subject> = [
    around(
      "RequestDefaults.policy",
      RequestDefaults.policy({ baseUrl, headers: { accept: "application/json" } })(transport)
    ),
    around("Timeout.call", Timeout.call("60 seconds")(transport)),
    around("Status.policy", Status.policy(transport)),
    around("Redirects.follow", Redirects.follow()(transport)),
    around("Retry.policy", Retry.policy()(transport)),
    around("CircuitBreaker.policy", CircuitBreaker.policy(yield* CircuitBreaker.make())(transport)),
    around("Concurrency.policy", Concurrency.policy(yield* Concurrency.make({ limit: 100 }))(transport)),
    around("RateLimit.policy, nothing held", RateLimit.policy(RateLimit.throttle())(transport)),
    around("Auth.policy, a bearer from a source", Auth.policy({ auth, origins: [baseUrl] })(transport)),
    around("Telemetry.span, no tracer", Telemetry.span({ origins: [baseUrl] })(transport)),
    around("Timeout.exchange", Timeout.exchange("30 seconds")(transport)),
    around("Cookies.policy, an empty jar", Cookies.policy(yield* CookieJar.makeMemory)(transport)),
    around("Cookies.policy, one cookie", Cookies.policy(yield* jarWithCookie)(transport)),
    around("Transport.fromHttpClient", Transport.fromHttpClient(transport)),
    around("Transport.bufferBodies, 400 bytes", Transport.bufferBodies(1024 * 1024)(transport)),
    around("HttpCache.policy, a hit of 400 bytes", cached(transportOf(cacheable))),
    around("HttpCache.policy, a miss that is not stored", cached(transport)),
    { name: "Verb.make", call: Effect.suspend(() => get("/json")), base: Effect.suspend(() => Effect.succeed(same)) },
    { name: "ApiClient.get, all of the above", call: Effect.suspend(() => client.get("/json")), base: read }
  ]
  return all
})

const services = Layer.mergeAll(
  TokenSource.layer({ key: "bench", acquireToken: () => mint }).pipe(Layer.provide(TokenStore.layerMemory)),
  Layer.succeed(HttpClient.HttpClient, fresh)
)

/** The cost of a policy in microseconds for each call. */
export interface Cost {
  readonly name: string
  readonly micros: number
}

const measure = async (repetitions: Repetitions): Promise<ReadonlyArray<Cost>> => {
  const runtime = ManagedRuntime.make(services)
  const all = await runtime.runPromise(subjects)
  const costs = await differences((effect) => runtime.runPromise(effect), all, repetitions)
  await runtime.dispose()
  return costs
}

const methods = { measure }

/** The methods of the process. */
export type Policies = typeof methods

answer(methods)
