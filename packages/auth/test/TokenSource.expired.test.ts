import type { TokenSourceError } from "@countersign/auth/Errors"
import * as Auth from "@countersign/client/Auth"
import * as ApiClient from "@countersign/client/ApiClient"
import * as ApiKey from "@countersign/auth/ApiKey"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Dpop from "@countersign/auth/Dpop"
import * as JwtBearer from "@countersign/auth/JwtBearer"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as TokenExchange from "@countersign/auth/TokenExchange"
import type * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { clientOf, ok } from "./support/client.js"
import { client, issuer } from "./support/oauth.js"
import { runPendingWork } from "./support/pendingWork.js"

const { respond } = MockClient

class Api extends ApiClient.Tag("test/Api")<Api, TokenSourceError>() {}

const expiredWhen: Auth.ExpiredWhen = { status: [200, 403], body: (text) => text.includes("token expired") }

const expired = respond(403, { error: { message: "Access token expired" } })

/** A server that numbers its tokens, and an API that accepts them from `good` on and sends `answer` for others. */
const world = (good: number, answer: MockClient.Step) => {
  let minted = 0
  return MockClient.make(({ headers, url }) => {
    if (url.startsWith(issuer)) {
      minted += 1
      const type = headers["dpop"] === undefined ? "bearer" : "DPoP"
      return respond(200, {
        access_token: `canary-${minted}`,
        token_type: type,
        expires_in: 3600,
        refresh_token: `canary-r${minted}`
      })
    }
    const [, token = "0"] = /canary-(\d+)/.exec(headers["authorization"] ?? "") ?? []
    return Number(token) >= good ? ok : answer
  })
}

type Layers = Layer.Layer<
  Auth.Auth<TokenSourceError> | TokenSource.TokenSource,
  unknown,
  HttpClient.HttpClient | TokenStore.TokenStore
>

const subject = Effect.succeed({ token: Redacted.make("canary-s"), type: TokenExchange.tokenTypes.accessToken })

const grants: Readonly<Record<string, (tuning: TokenSource.RefreshOptions, key: Dpop.Key) => Layers>> = {
  RefreshToken: (tuning) => RefreshToken.layer({ ...client, ...tuning, refreshToken: Redacted.make("canary-r0") }),
  ClientCredentials: (tuning) => ClientCredentials.layer({ ...client, ...tuning }),
  "ClientCredentials with DPoP": (tuning, dpop) => ClientCredentials.layer({ ...client, ...tuning, dpop }),
  JwtBearer: (tuning) =>
    JwtBearer.layer({ ...client, ...tuning, assertion: Effect.succeed(Redacted.make("canary-j")) }),
  TokenExchange: (tuning) => TokenExchange.layer({ ...client, ...tuning, subject })
}

/** Runs with the API's client, and counts the requests to both servers. */
const running = <A, E>(
  grant: string,
  { client: http, mock }: Effect.Effect.Success<ReturnType<typeof world>>,
  tuning: TokenSource.RefreshOptions,
  run: Effect.Effect<A, E, Api>
) =>
  Effect.gen(function* () {
    const layer = grants[grant]?.(tuning, yield* Dpop.generateKey)
    if (layer === undefined) return yield* Effect.dieMessage(`no grant ${grant}`)
    const transport = Layer.merge(TokenStore.layerMemory, Layer.succeed(HttpClient.HttpClient, http))
    const api = Layer.provide(Api.layer({ baseUrl: "https://api.test", auth: layer }), transport)
    const fiber = yield* Effect.fork(Effect.either(Effect.provide(run, api)))
    for (let second = 0; second < 6; second++) {
      // Promises of the library do not depend on the test clock.
      yield* runPendingWork(40)
      yield* TestClock.adjust("1 second")
    }
    const result = yield* Fiber.join(fiber)
    const sent = yield* mock.sent
    const tokens = sent.filter(({ url }) => url.startsWith(issuer)).length
    return { result, tokens, calls: sent.length - tokens }
  })

const call = Effect.flatMap(Api, (api) => api.get("/x"))

describe("expiredWhen", () => {
  it.effect.each(Object.keys(grants))("refreshes %s once for 20 calls, and replays each once", (grant) =>
    Effect.gen(function* () {
      const calls = Effect.all(
        Array.from({ length: 20 }, () => call),
        { concurrency: "unbounded" }
      )
      const {
        calls: sent,
        result,
        tokens
      } = yield* running(grant, yield* world(2, expired), { expiredWhen, propagationDelay: 0 }, calls)
      expect(result).toMatchObject({ _tag: "Right" })
      expect([tokens, sent]).toEqual([2, 40])
    })
  )

  it.effect.each(Object.keys(grants))("refreshes %s once if the new token is rejected too", (grant) =>
    Effect.gen(function* () {
      const calls = Effect.forEach([1, 2, 3], () => Effect.flip(call))
      const {
        calls: sent,
        result,
        tokens
      } = yield* running(grant, yield* world(99, expired), { expiredWhen, propagationDelay: 0 }, calls)
      expect(result).toMatchObject({ right: [1, 2, 3].map(() => ({ _tag: "Forbidden", status: 403 })) })
      // The later calls do not refresh, because the API rejected the new token less than 30 seconds ago.
      expect([tokens, sent]).toEqual([2, 4])
    })
  )

  it.effect("replays with the same token during propagationDelay before a refresh", () =>
    Effect.gen(function* () {
      const { calls, tokens } = yield* running(
        "RefreshToken",
        yield* world(2, expired),
        { expiredWhen, propagationDelay: "3 seconds" },
        call
      )
      // The token is sent at once, after 0.5 seconds and after 3 seconds. Then the next token is sent.
      expect([tokens, calls]).toEqual([2, 4])
    })
  )

  it.effect("refreshes after a 200 with a matching body", () =>
    Effect.gen(function* () {
      const slack = respond(200, { ok: false, error: "token expired" })
      const { result, tokens } = yield* running(
        "RefreshToken",
        yield* world(2, slack),
        { expiredWhen, propagationDelay: 0 },
        call
      )
      expect([result._tag, tokens]).toEqual(["Right", 2])
    })
  )

  it.effect.each<readonly [string, Auth.ExpiredWhen | undefined, MockClient.Step]>([
    ["without expiredWhen", undefined, expired],
    ["if the body does not match", expiredWhen, respond(403, "forbidden")]
  ])("fails with Forbidden and does not refresh %s", ([_, rule, answer]) =>
    Effect.gen(function* () {
      const tuning = { expiredWhen: rule, propagationDelay: 0 }
      const { result, tokens } = yield* running("RefreshToken", yield* world(2, answer), tuning, call)
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "Forbidden" } })
      expect(tokens).toBe(1)
    })
  )

  it.effect("selects the next API key of a pool after a 403", () =>
    Effect.gen(function* () {
      const keys = [Redacted.make("canary-key-1"), Redacted.make("canary-key-2")] as const
      const pool = yield* ApiKey.pool({ location: ApiKey.header("x-api-key"), keys })
      const { api, mock } = yield* clientOf(Auth.withExpired(pool, { status: 403 }), [respond(403, "no"), ok])
      yield* api.get("/x")
      expect((yield* mock.sent).map(({ headers }) => headers["x-api-key"])).toEqual(["canary-key-1", "canary-key-2"])
    })
  )
})
