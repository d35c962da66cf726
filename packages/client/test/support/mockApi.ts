/** Clients over a mock transport, and a test clock that advances to the next timer by itself. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type { InvalidRequest, RedirectRejected, TransportError } from "@countersign/client/Errors"
import * as Transport from "@countersign/client/Transport"
import * as MockClient from "@countersign/testing/MockClient"
import * as Chunk from "effect/Chunk"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { advanceTo } from "./testClock.js"
import { settled } from "./virtualClock.js"

export const base = "https://api.test/v1"

type Mock = Context.Tag.Service<MockClient.MockClient>

/** A client with the whole pipeline over a mock transport. */
export const api = (
  script: MockClient.Script,
  options: Partial<ApiClient.Options<unknown>> = {}
): Effect.Effect<{ readonly api: ApiClient.ApiClient; readonly mock: Mock }, InvalidRequest> =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const made = yield* ApiClient.make({
      baseUrl: base,
      userAgent: false,
      ...options,
      auth: options.auth ?? Auth.none
    }).pipe(Effect.provideService(HttpClient.HttpClient, client)) as Effect.Effect<ApiClient.ApiClient, InvalidRequest>
    return { api: made, mock }
  })

/** A typed transport alone, for tests of single policies. */
export const transport = (
  script: MockClient.Script
): Effect.Effect<{
  readonly client: HttpClient.HttpClient.With<TransportError | InvalidRequest | RedirectRejected>
  readonly raw: HttpClient.HttpClient.With<HttpClientError.HttpClientError>
  readonly mock: Mock
}> =>
  Effect.map(MockClient.make(script), ({ client, mock }) => ({
    client: Transport.fromHttpClient(client),
    raw: client,
    mock
  }))

export const get: (path?: string) => HttpClientRequest.HttpClientRequest = (path = "/x") =>
  HttpClientRequest.get(`${base}${path}`)

/** The test clock accepts longer timers than the platform, where they would fire at once or never. */
const maxTimerMs = 2 ** 31 - 1

/**
 * Runs an effect and advances the test clock to each next timer, so that an hour passes at once and all times are exact.
 * An effect that waits for no timer and does not end is a defect of the test.
 */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let steps = 0; steps < 500; steps++) {
      yield* settled(fiber)
      const ended = yield* Fiber.poll(fiber)
      if (Option.isSome(ended)) return yield* ended.value
      const sleeps = Chunk.toReadonlyArray(yield* TestClock.sleeps())
      const now = yield* TestClock.currentTimeMillis
      if (sleeps.some((instant) => instant - now > maxTimerMs))
        return yield* Effect.dieMessage("the timer is longer than the platform allows")
      if (sleeps.length > 0) yield* advanceTo(Math.min(...sleeps), fiber)
    }
    return yield* Effect.zipRight(
      Fiber.interrupt(fiber),
      Effect.dieMessage("the effect waits for no timer and does not end")
    )
  })

/** {@link run}, and returns the error of the effect. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, A, R> => Effect.flip(run(effect))

/** Times of all requests, in milliseconds. */
export const requestTimes = (mock: Mock): Effect.Effect<ReadonlyArray<number>> =>
  Effect.map(mock.sent, (sent) => sent.map(({ at }) => at))

export const urls = (mock: Mock): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(mock.sent, (sent) => sent.map(({ method, url }) => `${method} ${url}`))

/** Fixes the random numbers of an effect: 1 is the full backoff, 0 is no wait. */
export const withJitter =
  (...values: readonly [number, ...Array<number>]) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withRandom(effect, Random.fixed([...values] as [number, ...Array<number>]))

/** Runs a program of a property test with its own test clock. */
export const runPromise = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, TestContext.TestContext))

/**
 * Texts of characters that break parsers: separators, control characters, and characters beyond ASCII, Latin-1 and the BMP.
 */
export const hostileText = (maxLength = 12): FastCheck.Arbitrary<string> =>
  FastCheck.string({
    unit: FastCheck.constantFrom(..."aZ0-_:;=,./\\@?#%&\"'<>() \t\r\n\0\u001b\u007f\u0080éÿĀ€🔑", "\ud800"),
    maxLength
  })
