import type * as LeaseLock from "@countersign/auth/LeaseLock"
import * as Token from "@countersign/auth/Token"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as TokenStoreContract from "@countersign/testing/TokenStoreContract"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import * as EtcdTokenStore from "../src/etcd-token-store.js"
import type { EtcdServer } from "./support/etcd.js"
import { clear, endLeases, etcd, hasEtcd } from "./support/etcd.js"

const scope = Effect.runSync(Scope.make())
let running: EtcdServer | undefined
beforeAll(async () => {
  if (hasEtcd) running = await Effect.runPromise(Scope.extend(etcd, scope))
}, 60_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** The server without keys. */
const place = Effect.suspend(() =>
  running === undefined ? Effect.dieMessage("etcd is not installed") : Effect.as(clear(running), running)
)

/** Opens the store as each machine does. */
const open = ({ url }: EtcdServer, options?: LeaseLock.Options) =>
  Effect.map(
    Layer.build(EtcdTokenStore.layer(url, options).pipe(Layer.provide(NodeTransport.layer))),
    Context.get(TokenStore.TokenStore)
  )

type Response = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/** A client of etcd with a pool of connections of its own. */
const client = ({ url }: EtcdServer, change: (transport: HttpClient.HttpClient) => HttpClient.HttpClient = identity) =>
  Effect.gen(function* () {
    const transport = Context.get(yield* Layer.build(Layer.fresh(NodeTransport.layer)), HttpClient.HttpClient)
    return yield* Effect.provideService(
      ApiClient.make({ baseUrl: url, auth: Auth.none }),
      HttpClient.HttpClient,
      change(transport)
    )
  })

/** A lost lock is noticed with its next renewal, after a third of the lease. */
const options: LeaseLock.Options = { lease: "3 seconds" }

TokenStoreContract.register({ describe: describe.skipIf(!hasEtcd), it }, "the store on etcd", {
  place,
  open: (server) => open(server, options),
  isShared: true,
  pooled: (server) =>
    Effect.map(
      client(server),
      (etcd) => [EtcdTokenStore.make(etcd, options), EtcdTokenStore.make(etcd, options)] as const
    ),
  loseLocks: endLeases,
  lossy: (server) =>
    Effect.gen(function* () {
      let isLost = false
      const lose = (response: Response, request: HttpClientRequest.HttpClientRequest): Response =>
        Effect.tap(response, () => {
          // A write reads first.
          if (!isLost || !request.url.endsWith("/txn")) return Effect.void
          isLost = false
          return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        })
      const etcd = yield* client(server, HttpClient.transform(lose))
      const loseNext = Effect.sync(() => {
        isLost = true
      })
      return { store: EtcdTokenStore.make(etcd, options), loseNext }
    })
})

/** An authorization server that counts the uses of each refresh token. */
const countingServer = () => {
  const sent: Array<string> = []
  const acquireToken: TokenSource.Options["acquireToken"] = (previous) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const refreshToken = Option.getOrUndefined(previous)?.refreshToken
      sent.push(refreshToken === undefined ? "none" : Redacted.value(refreshToken))
      const next = Redacted.make(`refresh-${sent.length}`)
      return Effect.succeed({ ...Token.bearer(Redacted.make(`access-${sent.length}`), now, 100), refreshToken: next })
    })
  return { sent, acquireToken }
}

describe.skipIf(!hasEtcd)("the store on etcd", () => {
  it.scopedLive("lets machines that share an account use each refresh token once", () =>
    Effect.gen(function* () {
      const server = yield* place
      const { acquireToken, sent } = countingServer()
      const machine = Effect.flatMap(open(server), (store) =>
        Effect.provideService(TokenSource.make({ key: "account", acquireToken }), TokenStore.TokenStore, store)
      )
      const machines = yield* Effect.all([machine, machine, machine])
      for (let round = 0; round < 10; round++) {
        yield* Effect.forEach(machines, ({ get }) => get, { concurrency: "unbounded" })
        yield* Effect.sleep("120 millis")
      }
      expect(sent.length).toBeGreaterThanOrEqual(10)
      expect(new Set(sent).size).toBe(sent.length)
    })
  )

  it.scopedLive("loses its lease while etcd does not respond, and another machine gets the lock afterwards", () =>
    Effect.gen(function* () {
      const server = yield* place
      const [one, other] = yield* Effect.all([open(server, { lease: "2 seconds" }), open(server)])
      const holding = Effect.gen(function* () {
        const { isHeld } = yield* TokenStore.Lease
        const before = yield* isHeld
        yield* server.signal("SIGSTOP")
        yield* Effect.ensuring(Effect.sleep("2500 millis"), server.signal("SIGCONT"))
        return [before, yield* isHeld]
      })
      expect(yield* one.withLock("account")(holding)).toEqual([true, false])
      expect(yield* other.withLock("account")(Effect.flatMap(TokenStore.Lease, ({ isHeld }) => isHeld))).toBe(true)
    })
  )
})
