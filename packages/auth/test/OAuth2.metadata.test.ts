/** Concurrent reads of the metadata of one authorization server. */
import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as Introspection from "@countersign/auth/Introspection"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as Revocation from "@countersign/auth/Revocation"
import * as WaitStrategy from "@countersign/client/WaitStrategy"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { granted, issuer } from "./support/oauth.js"
import { runPendingWork } from "./support/pendingWork.js"

const { fail, respond } = MockClient

const token = Redacted.make("canary-token")

const document = { issuer, token_endpoint: `${issuer}/token` }

const full = {
  ...document,
  introspection_endpoint: `${issuer}/introspect`,
  revocation_endpoint: `${issuer}/revoke`
}

/**
 * A server. The step of each metadata request is that of its number, and the last step continues. `release` sends the bodies
 * of `held`.
 */
const world = (
  steps: (held: (body: object) => MockClient.Step) => readonly [MockClient.Step, ...ReadonlyArray<MockClient.Step>]
) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const held = (body: object) =>
      MockClient.respondStream(
        200,
        Stream.fromEffect(Effect.as(Deferred.await(gate), new TextEncoder().encode(JSON.stringify(body))))
      )
    const [first, ...further] = steps(held)
    let reads = 0
    const { client, mock } = yield* MockClient.make(({ method, url }) => {
      if (method === "GET") return [first, ...further].at(Math.min(reads++, further.length)) ?? first
      if (url.endsWith("/introspect")) return respond(200, { active: false })
      return url.endsWith("/revoke") ? respond(200, "") : granted()
    })
    const server = yield* Effect.provideService(
      AuthorizationServer.make({ issuer, clientId: "client", clientSecret: Redacted.make("secret") }),
      HttpClient.HttpClient,
      client
    )
    const within = <A, E>(effect: Effect.Effect<A, E, HttpClient.HttpClient>) =>
      Effect.provideService(effect, HttpClient.HttpClient, client)
    const grant = within(Effect.flatMap(OAuth2.make(server.client), (made) => made.clientCredentials({})))
    const revoke = within(Effect.flatMap(Revocation.make(server.client), (made) => made.revoke(token)))
    const introspect = within(Effect.flatMap(Introspection.make(server.client), (made) => made.introspect(token)))
    const sent = (part: string) => Effect.map(mock.sent, (all) => all.filter(({ url }) => url.includes(part)).length)
    const release = Deferred.succeed(gate, undefined)
    return { grant, revoke, introspect, release, reads: sent("/.well-known/"), tokens: sent("/token"), mock }
  })

/** Starts an effect, and continues when it waits for the network. */
const started = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.zipLeft(Effect.fork(effect), runPendingWork(5))

describe("metadata", () => {
  it.effect("reads once for 50 concurrent callers", () =>
    Effect.gen(function* () {
      const { grant, reads, release, tokens } = yield* world((held) => [held(full)])
      const fiber = yield* started(Effect.replicateEffect(grant, 50, { concurrency: "unbounded" }))
      expect(yield* tokens).toBe(0)
      yield* release
      yield* Fiber.join(fiber)
      expect([yield* reads, yield* tokens]).toEqual([1, 50])
    })
  )

  it.effect("reads once for concurrent callers that need different members", () =>
    Effect.gen(function* () {
      const { grant, introspect, reads, release, revoke } = yield* world((held) => [held(full)])
      const first = yield* started(grant)
      const others = yield* started(Effect.all([introspect, revoke, grant], { concurrency: "unbounded" }))
      yield* release
      yield* Fiber.join(first)
      yield* Fiber.join(others)
      expect(yield* reads).toBe(1)
    })
  )

  it.effect("reads a further document for a caller that joined a read and needs more", () =>
    Effect.gen(function* () {
      const { grant, reads, release, revoke } = yield* world((held) => [held(document), respond(200, full)])
      const first = yield* started(grant)
      const second = yield* started(revoke)
      yield* release
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      expect(yield* reads).toBe(2)
    })
  )

  it.effect("continues to read when the first caller is interrupted", () =>
    Effect.gen(function* () {
      const { grant, mock, reads, release, tokens } = yield* world((held) => [held(full)])
      const first = yield* started(grant)
      const second = yield* started(grant)
      yield* Fiber.interrupt(first)
      expect(yield* mock.interrupted).toEqual([])
      yield* release
      yield* Fiber.join(second)
      expect([yield* reads, yield* tokens]).toEqual([1, 1])
    })
  )

  it.effect("caches a read after all of its callers were interrupted", () =>
    Effect.gen(function* () {
      const { grant, reads, release } = yield* world((held) => [held(full)])
      const fiber = yield* started(Effect.all([grant, grant], { concurrency: "unbounded" }))
      yield* Fiber.interrupt(fiber)
      yield* release
      yield* runPendingWork(5)
      yield* grant
      expect(yield* reads).toBe(1)
    })
  )

  it.effect("fails for all callers of a read, and reads again for the next one", () =>
    Effect.gen(function* () {
      const { grant, reads } = yield* world(() => [fail("ECONNREFUSED"), respond(200, full)])
      const results = yield* Effect.replicateEffect(Effect.either(grant), 20, { concurrency: "unbounded" })
      for (const result of results) {
        expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Unavailable", sent: "no" })
      }
      expect(yield* reads).toBe(1)
      yield* grant
      expect(yield* reads).toBe(2)
    })
  )

  it.effect("fails after ten seconds for each URL, and reads again for the next caller", () =>
    Effect.gen(function* () {
      const { grant, reads } = yield* world(() => [MockClient.never, MockClient.never, respond(200, full)])
      const fiber = yield* started(Effect.replicateEffect(Effect.either(grant), 10, { concurrency: "unbounded" }))
      for (let second = 0; second < 21; second++) {
        yield* TestClock.adjust("1 second")
        yield* runPendingWork(1)
      }
      const results = yield* Fiber.join(fiber)
      expect(results.map((result) => Either.isLeft(result) && result.left.reason)).toEqual(
        Array(10).fill("Unavailable")
      )
      yield* grant
      expect(yield* reads).toBe(3)
    })
  )

  it.effect("reads once for callers that poll", () =>
    Effect.gen(function* () {
      const { grant, reads, release } = yield* world((held) => [held(full)])
      const fiber = yield* Effect.replicateEffect(grant, 5, { concurrency: "unbounded" }).pipe(
        Effect.provideService(WaitStrategy.WaitStrategy, "poll"),
        started
      )
      yield* release
      yield* runPendingWork(5)
      yield* TestClock.adjust("20 millis")
      yield* Fiber.join(fiber)
      expect(yield* reads).toBe(1)
    })
  )
})
