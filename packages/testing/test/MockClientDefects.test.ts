/** Defects of a mock transport, which neither a policy nor an error handler may replace. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import type { TokenSourceError } from "@countersign/auth/Errors"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as CircuitBreaker from "@countersign/client/CircuitBreaker"
import * as Concurrency from "@countersign/client/Concurrency"
import * as Hedge from "@countersign/client/Hedge"
import * as Retry from "@countersign/client/Retry"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

const { never, respond } = MockClient
const baseUrl = "https://api.test"

/** The defect of an effect, which must not have a typed error. The test clock passes `after`. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>, after = "1 minute") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.flip(Effect.sandbox(effect)))
    yield* TestClock.adjust(after as "1 minute")
    const cause = yield* Fiber.join(fiber)
    expect(Cause.failureOption(cause)).toEqual(Option.none())
    // The transport dies with an `Error`. Another value fails the assertions on it.
    return Option.getOrThrow(Cause.dieOption(cause)) as Error & { readonly code?: string }
  })

interface Options extends Pick<ApiClient.Options, "retry" | "timeout" | "hedge"> {
  readonly circuitBreaker?: CircuitBreaker.Service
  readonly concurrency?: Concurrency.Service
}

/** A client over a script, and optionally over a wrapper of the transport. */
const clientOf = (
  script: MockClient.Script,
  options: Options = {},
  wrap = (client: HttpClient.HttpClient): HttpClient.HttpClient => client
) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const api = yield* ApiClient.make({ baseUrl, auth: Auth.none, ...options }).pipe(
      Effect.provideService(HttpClient.HttpClient, wrap(client))
    )
    return { api, mock }
  })

describe("MockClient script at its end", () => {
  it.effect("lists the requests, with their outcomes and without query values", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([respond(200), MockClient.fail("ECONNRESET"), never])
      yield* client.get(`${baseUrl}/a?token=a-secret`)
      yield* Effect.flip(client.post(`${baseUrl}/b`))
      yield* Effect.raceFirst(client.get(`${baseUrl}/c`), Effect.yieldNow())
      const { code, message } = yield* defectOf(client.get(`${baseUrl}/x?page=2`))
      expect(message).toBe(
        [
          `MockClient: the script ended after 3 steps, and request 4 was sent: GET ${baseUrl}/x?page=2. Add a step for it. Sent so far:`,
          `  1. GET ${baseUrl}/a?token=<redacted> → 200`,
          `  2. POST ${baseUrl}/b → ECONNRESET`,
          `  3. GET ${baseUrl}/c → interrupted`
        ].join("\n")
      )
      expect(code).toBe("ERR_MOCK_SCRIPT_ENDED")
      expect(yield* mock.sent).toHaveLength(4)
    })
  )

  it.effect("lists the last 30 requests only", () =>
    Effect.gen(function* () {
      const { client } = yield* MockClient.make(Array.from({ length: 40 }, () => respond(200)))
      for (let index = 0; index < 40; index++) yield* client.get(`${baseUrl}/${index}`)
      const { message } = yield* defectOf(client.get(`${baseUrl}/x`))
      expect(message).toContain(`Sent so far:\n  … 10 earlier\n  11. GET ${baseUrl}/10 → 200`)
      expect(message.split("\n")).toHaveLength(32)
    })
  )

  it.effect("dies if a function returns no step or throws", () =>
    Effect.gen(function* () {
      // Only a caller without types returns no step.
      const none = yield* MockClient.make((() => undefined) as unknown as MockClient.Script)
      expect((yield* defectOf(none.client.get(`${baseUrl}/x`))).message).toContain(
        "the script returned no step for request 1"
      )
      const thrown = yield* MockClient.make(() => {
        throw new Error("broken script")
      })
      expect((yield* defectOf(thrown.client.get(`${baseUrl}/x`))).message).toBe("broken script")
    })
  )
})

const callbackTransport = (asExit: boolean) => (client: HttpClient.HttpClient) =>
  Transport.withCallbackSend(client, (request, onOutcome) => {
    const effect = client.execute(request)
    if (asExit) Effect.runCallback(effect, { onExit: onOutcome })
    else onOutcome(effect)
    return () => undefined
  })

describe("a defect of the transport", () => {
  const retry = Retry.exponential({ times: 5 })

  it.effect.each<readonly [name: string, ended: MockClient.Script, options?: Options]>([
    ["without retries", [], { retry: false }],
    ["with retries", [], { retry: { schedule: retry } }],
    ["after a retried 503", [respond(503)], { retry: { schedule: retry } }],
    ["with timeouts", [], { timeout: { call: "30 seconds", exchange: "5 seconds" } }],
    ["without timeouts", [], { timeout: { call: false, exchange: false } }],
    ["of a hedge", [never], { hedge: Hedge.make({ delay: "1 second" }), timeout: { call: false, exchange: false } }],
    ["of a hedge with timeouts", [never], { hedge: Hedge.make({ delay: "1 second" }) }],
    ["after a redirect", [respond(302, undefined, { location: "/y" })]]
  ])("ends the call without a typed error and without another request, %s", ([, script, options]) =>
    Effect.gen(function* () {
      const { api, mock } = yield* clientOf(script, options)
      expect((yield* defectOf(api.get("/x"))).code).toBe("ERR_MOCK_SCRIPT_ENDED")
      yield* TestClock.adjust("1 hour")
      expect(yield* mock.sent).toHaveLength(script.length + 1)
    })
  )

  it.effect("does not open a circuit or keep a permit", () =>
    Effect.gen(function* () {
      const options = {
        circuitBreaker: yield* CircuitBreaker.make(),
        concurrency: yield* Concurrency.make({ limit: 1 })
      }
      const { api, mock } = yield* clientOf([], options)
      for (let request = 1; request <= 20; request++) yield* defectOf(api.get("/x"))
      expect(yield* mock.sent).toHaveLength(20)
    })
  )

  it.effect("ends the call of a transport that sends by callback", () =>
    Effect.gen(function* () {
      for (const asExit of [true, false]) {
        const { api, mock } = yield* clientOf([], { retry: { schedule: retry } }, callbackTransport(asExit))
        expect((yield* defectOf(api.get("/x"))).code).toBe("ERR_MOCK_SCRIPT_ENDED")
        expect(yield* mock.sent).toHaveLength(1)
      }
    })
  )

  it.effect("ends the call if a token request has no step", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([])
      const live = ClientCredentials.layer({
        issuer: "https://login.test",
        clientId: "client",
        clientSecret: Redacted.make("a-secret")
      }).pipe(Layer.provide([Layer.succeed(HttpClient.HttpClient, client), TokenStore.layerMemory]))
      const call = Effect.gen(function* () {
        const api = yield* ApiClient.make({ baseUrl, auth: yield* Auth.tag<TokenSourceError>() })
        return yield* api.get("/x")
      }).pipe(Effect.provide(live), Effect.provideService(HttpClient.HttpClient, client))
      expect((yield* defectOf(call)).message).toContain("request 1 was sent: GET https://login.test/.well-known/")
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("MockClient assertDone", () => {
  it.effect("passes if all steps were used", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([respond(200), respond(204)])
      yield* client.get(baseUrl)
      yield* client.get(baseUrl)
      yield* mock.assertDone
      yield* (yield* MockClient.make(() => respond(200))).mock.assertDone
    })
  )

  it.effect("dies with the steps that were not used", () =>
    Effect.gen(function* () {
      const script = [respond(200), MockClient.delay("1 second", respond(503)), MockClient.fail("EPIPE"), never]
      const { client, mock } = yield* MockClient.make(script)
      yield* client.get(`${baseUrl}/a`)
      const { code, message } = yield* defectOf(mock.assertDone)
      expect(code).toBe("ERR_MOCK_NOT_DONE")
      expect(message).toBe(
        [
          "MockClient: 3 responses of the script not used:",
          "  - step 2 of the script: 503",
          "  - step 3 of the script: EPIPE",
          "  - step 4 of the script: no response",
          "Sent so far:",
          `  1. GET ${baseUrl}/a → 200`
        ].join("\n")
      )
    })
  )

  it.effect("dies with an unexpected request of a fiber that no test awaits", () =>
    Effect.gen(function* () {
      const { client, mock } = yield* MockClient.make([])
      yield* Effect.forkDaemon(client.get(`${baseUrl}/background`))
      yield* Effect.yieldNow()
      const { message } = yield* defectOf(mock.assertDone)
      expect(message).toContain(`1 request not expected:\n  1. GET ${baseUrl}/background\n`)
    })
  )
})
