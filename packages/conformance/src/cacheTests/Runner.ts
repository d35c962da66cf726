/** Runs the HTTP cache tests with a cache of the client. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import type * as HttpCache from "@countersign/client/HttpCache"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Failure, Observed } from "./Checks.js"
import { checkRequests, checkResponse } from "./Checks.js"
import type { OriginServer, Running } from "./OriginServer.js"
import type { Step, Test } from "./Suite.js"

/** Time between two requests for which a case asks. The clocks of client and server are moved by it. */
const pauseMs = 3000

/** Time for a validation in the background to end. */
const settleTime = "50 millis"

/** A clock that stands still until it is moved, so that no case depends on the speed of the machine. Sleeps are real. */
const standing = (clock: Clock.Clock) => {
  // A whole second, because HTTP dates have no fractions.
  let nowMs = Math.floor(clock.unsafeCurrentTimeMillis() / 1000) * 1000
  const unsafeCurrentTimeMillis = () => nowMs
  const unsafeCurrentTimeNanos = () => BigInt(nowMs) * 1_000_000n
  const moved: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) => clock.sleep(duration)
  }
  return { clock: moved, move: (ms: number) => void (nowMs += ms) }
}

const responseOf = (error: unknown): HttpClientResponse | undefined =>
  typeof error === "object" && error !== null && "response" in error
    ? // Errors of the client with this member have the response there.
      (error.response as HttpClientResponse | undefined)
    : undefined

const observe = (response: HttpClientResponse): Effect.Effect<Observed> =>
  Effect.map(
    Effect.orElseSucceed(response.text, () => ""),
    (text) => ({ status: response.status, headers: response.headers, text })
  )

const headersOf = (step: Step): Record<string, string> => ({
  ...(step.cache === "no-cache" && { "cache-control": "max-age=0" }),
  ...Object.fromEntries((step.request_headers ?? []).map(([name, value]) => [String(name), String(value)]))
})

const pathOf = (id: string, { filename, query_arg }: Step): string =>
  `/${id}${filename === undefined ? "" : `/${filename}`}${query_arg === undefined ? "" : `?${query_arg}`}`

/** Sends one request. Undefined without a response. */
const send = (api: ApiClient.ApiClient, id: string, step: Step): Effect.Effect<Observed | undefined> => {
  const { request_body: text, request_method: method = "GET" } = step
  const headers = headersOf(step)
  const call = api.request(method, pathOf(id, step), { headers, ...(text !== undefined && { text }) })
  return Effect.matchEffect(call, {
    onSuccess: observe,
    onFailure: (error) => {
      const response = responseOf(error)
      return response === undefined ? Effect.succeed(undefined) : observe(response)
    }
  })
}

/** The transport sends the server the number of the response. The cache does not see this field. */
const numbered = (transport: HttpClient.HttpClient, current: () => number): HttpClient.HttpClient =>
  HttpClient.mapRequest(transport, (request) => HttpClientRequest.setHeader(request, "req-num", String(current())))

const steps = (
  running: Running,
  id: string,
  sendStep: (number: number, step: Step) => Effect.Effect<Observed | undefined>,
  pause: () => void
): Effect.Effect<Failure | undefined> =>
  Effect.gen(function* () {
    const responses: Array<Observed | undefined> = []
    for (const [index, step] of running.test.requests.entries()) {
      const observed = yield* sendStep(index + 1, step)
      responses.push(observed)
      const failure = observed === undefined ? undefined : checkResponse(running, id, index + 1, observed)
      if (failure !== undefined) return failure
      if (observed === undefined)
        return { isSetup: step.setup === true, message: `request ${index + 1} has no response` }
      yield* Effect.sleep(settleTime)
      if (step.pause_after === true) pause()
    }
    return checkRequests(running, responses)
  })

/** Runs one case. The result is undefined if it holds. */
export const run = (
  server: OriginServer,
  test: Test,
  makeCache: Effect.Effect<HttpCache.HttpCache, never, Scope.Scope>
): Effect.Effect<Failure | undefined, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const { clock, move } = standing(yield* Effect.clock)
    const id = `${test.id}-${server.running.size}`
    const running: Running = { test, now: () => clock.unsafeCurrentTimeMillis(), move, received: [] }
    server.running.set(id, running)
    let current = 0
    const transport = numbered(yield* HttpClient.HttpClient, () => current)
    const options = {
      baseUrl: server.url,
      auth: Auth.none,
      cache: yield* makeCache,
      retry: false,
      redirects: false
    } as const
    const api = yield* Effect.orDie(Effect.provideService(ApiClient.make(options), HttpClient.HttpClient, transport))
    const sendStep = (number: number, step: Step) =>
      Effect.suspend(() => {
        current = number
        return send(api, id, step)
      })
    const result = yield* Effect.withClock(
      steps(running, id, sendStep, () => move(pauseMs)),
      clock
    )
    return result
  }).pipe(Effect.scoped)
