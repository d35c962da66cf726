/** A worker in which all requests of an isolate share clients, as in an application on Cloudflare Workers. */
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Bearer from "@countersign/auth/Bearer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Concurrency from "@countersign/client/Concurrency"
import * as WaitUntil from "@countersign/client/WaitUntil"
import { env, waitUntil } from "cloudflare:workers"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"

class Api extends ApiClient.Tag("workerd/Api")<Api, TokenSourceError>() {}

/**
 * A short refresh timeout, so that a test of a lost refresh takes seconds. A short `forcedRefreshWindow` leaves time for a
 * background refresh.
 */
const tuning = { timeout: "8 seconds", forcedRefreshWindow: "200 millis" } as const

const CredentialsLive = ClientCredentials.layer({
  issuer: env.BACKEND,
  tokenEndpoint: `${env.BACKEND}/token`,
  transport: OAuth2.dangerouslyAllowHttpOnLoopback,
  clientId: "worker",
  clientSecret: Redacted.make("secret"),
  ...tuning
}).pipe(Layer.provide(TokenStore.layerMemory))

const options = { baseUrl: env.BACKEND } as const

/** One client with the client credentials grant and the default throttle. */
const SharedLive = Api.layer({ ...options, auth: CredentialsLive })

const OneAtATime = Concurrency.layer({ limit: 1, maxQueued: 100 })

/** The same, which sends one request at a time. */
const LimitedLive = Api.layer({ ...options, concurrency: OneAtATime, auth: CredentialsLive })

/** The same with a short time for a call: after it, a permit that is lost with its request is free again. */
const BriefLive = Api.layer({
  ...options,
  concurrency: OneAtATime,
  timeout: { call: "10 seconds" },
  auth: CredentialsLive
})

/** The control: a client that shares no state between requests. */
const ControlLive = Api.layer({
  ...options,
  rateLimit: false,
  retry: false,
  auth: Bearer.layer(Redacted.make("fixed"))
})

const runtimeOf = (live: typeof ControlLive) => ManagedRuntime.make(Layer.provide(live, FetchHttpClient.layer))

const runtimes: Readonly<Record<string, ReturnType<typeof runtimeOf>>> = {
  "/shared": runtimeOf(SharedLive),
  "/kept": runtimeOf(Layer.provide(SharedLive, Layer.succeed(WaitUntil.WaitUntil, waitUntil))),
  "/limited": runtimeOf(LimitedLive),
  "/brief": runtimeOf(BriefLive),
  "/control": runtimeOf(ControlLive)
}

const answer = Effect.flatMap(Api, (api) => api.get("/resource")).pipe(
  Effect.map(() => new Response("ok")),
  Effect.catchAllCause((cause) => Effect.succeed(new Response(Cause.pretty(cause), { status: 500 })))
)

let started = 0

export default {
  fetch: (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === "/started") return Promise.resolve(new Response(`${started}`))
    const runtime = runtimes[pathname]
    if (runtime === undefined) return Promise.resolve(new Response("no such route", { status: 404 }))
    started++
    return runtime.runPromise(answer)
  }
}
