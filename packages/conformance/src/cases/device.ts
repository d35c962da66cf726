/** Device authorization grant (RFC 8628). */
import type * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { rejects, succeeds } from "../Case.js"
import { expectThat, expectTokenError } from "../Checks.js"
import type { Client } from "../Client.js"
import { fastForward } from "../FastForwardClock.js"
import { makeUserAgent } from "../UserAgent.js"
import type { Between } from "../Provider.js"
import * as Provider from "../Provider.js"
import { optionsOf } from "../Session.js"

const grantType = "urn:ietf:params:oauth:grant-type:device_code"

/** A request to the token endpoint: seconds since the code was issued, and the error of the response. */
interface Question {
  readonly at: number
  readonly error: string | undefined
}

/** Behaviour of the server. */
interface Manner {
  /** Lifetime of its codes, in seconds. */
  readonly lifetime?: number
  /** Lifetime in its responses, in seconds. */
  readonly pretended?: number
  /** Number of `slow_down` errors. */
  readonly busy?: number
}

/** A started device sign-in, with the token requests that it sends. */
interface Begun extends DeviceCode.Service {
  readonly pending: DeviceCode.DeviceAuthorization
  readonly questions: ReadonlyArray<Question>
}

/** Records the token requests with their time, sends `slow_down` errors, and changes the lifetime in responses. */
const telling =
  (questions: Array<Question>, now: () => number, { busy = 0, pretended }: Manner): Between =>
  async (exchange, next) => {
    const { path } = exchange
    if (path === "/token" && questions.length < busy) {
      exchange.status = 400
      exchange.body = { error: "slow_down" }
    } else await next()
    // A JSON body of the server, or a page.
    const body = Object(exchange.body) as { readonly error?: string }
    if (path === "/token") questions.push({ at: now(), error: body.error })
    if (path === "/device/auth" && pretended !== undefined) exchange.body = { ...body, expires_in: pretended }
  }

const prepared = (client: Client, manner: Manner = {}) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const questions: Array<Question> = []
    let begunAt = 0
    const now = () => (clock.unsafeCurrentTimeMillis() - begunAt) / 1000
    const provider = yield* Provider.make({
      between: telling(questions, now, manner),
      configuration: {
        clients: [Provider.registered("web", { grant_types: ["authorization_code", grantType] })],
        ttl: { DeviceCode: manner.lifetime ?? 600 }
      },
      features: { deviceFlow: { enabled: true } }
    })
    const service = yield* client.device(optionsOf(provider))
    const pending = yield* service.start
    begunAt = yield* Clock.currentTimeMillis
    const begun: Begun = { ...service, pending, questions }
    return begun
  })

/** The seconds before each request. They include the duration of the request before it. */
const waitsOf = (questions: ReadonlyArray<Question>): ReadonlyArray<number> =>
  questions.map(({ at }, index) => Math.round(at - (questions[index - 1]?.at ?? 0)))

/** Fails if a wait is shorter than required. The last required wait applies to all later requests. */
const waited = (questions: ReadonlyArray<Question>, ...wanted: ReadonlyArray<number>) => {
  const waits = waitsOf(questions)
  const isEnough = (wait: number, index: number) => wait >= (wanted[index] ?? wanted.at(-1) ?? 0)
  const enough = waits.length >= wanted.length && waits.every(isEnough)
  return expectThat(
    enough,
    `the client waits ${wanted.join(", ")} seconds before its requests, not ${waits.join(", ")}`
  )
}

const approved = succeeds("device/approved", (client) =>
  Effect.gen(function* () {
    const { poll, pending, questions } = yield* prepared(client)
    yield* expectThat(pending.verificationUriComplete?.includes(pending.userCode) === true, "the URL contains the code")
    yield* makeUserAgent().approveDevice(pending.verificationUriComplete ?? pending.verificationUri, pending.userCode)
    const { claims, token } = yield* poll(pending)
    yield* expectThat(claims?.sub === "ada", "the ID token names the signed-in user")
    yield* expectThat(token.scope === "openid read", `the requested scope is granted, not ${token.scope}`)
    yield* waited(questions, 5)
    return "ada, with the first request, 5 seconds after the code was issued"
  }).pipe(fastForward)
)

const waiting = rejects("device/pending", (client) =>
  Effect.gen(function* () {
    const { poll, pending, questions } = yield* prepared(client)
    const seen = makeUserAgent()
      .approveDevice(pending.verificationUri, pending.userCode)
      .pipe(Effect.delay("12 seconds"))
    const [{ claims }] = yield* Effect.all([poll(pending), seen], { concurrency: 2 })
    yield* expectThat(claims?.sub === "ada", "the ID token names the signed-in user")
    yield* waited(questions, 5, 5)
    const errors = questions.map(({ error = "a token" }) => error).join(", ")
    return `a request every 5 seconds: ${errors}`
  }).pipe(fastForward)
)

const slower = rejects("device/slow-down", (client) =>
  Effect.gen(function* () {
    const { poll, pending, questions } = yield* prepared(client, { busy: 2 })
    yield* makeUserAgent().approveDevice(pending.verificationUri, pending.userCode)
    const { claims } = yield* poll(pending)
    yield* expectThat(claims?.sub === "ada", "the ID token names the signed-in user")
    yield* waited(questions, 5, 10, 15)
    return "requests after 5 seconds, then after 10, then after 15"
  }).pipe(fastForward)
)

const denied = rejects("device/denied", (client) =>
  Effect.gen(function* () {
    const { poll, pending, questions } = yield* prepared(client)
    yield* makeUserAgent().denyDevice(pending.verificationUri, pending.userCode)
    const observed = yield* expectTokenError(poll(pending), { reason: "Rejected", error: "access_denied" })
    yield* expectThat(questions.length === 1, "no further request is sent")
    return observed
  }).pipe(fastForward)
)

const expired = rejects("device/expired", (client) =>
  Effect.gen(function* () {
    // The code expires after two seconds, but the response gives ten minutes.
    const { poll, pending, questions } = yield* prepared(client, { lifetime: 2, pretended: 600 })
    const observed = yield* expectTokenError(poll(pending), { reason: "ReauthorizationRequired" })
    const last = questions.filter(({ error }) => error === "expired_token").length
    yield* expectThat(last === 1, `the client receives expired_token once, not ${last} times`)
    return `${observed}; ${questions.length} requests, expired_token once`
  }).pipe(fastForward)
)

const unapproved = rejects("device/not-approved", (client) =>
  Effect.gen(function* () {
    // The server's lifetime is in real time, so a client that ignores the expiry polls a third time before the end.
    const { poll, pending, questions } = yield* prepared(client, { lifetime: 8, pretended: 12 })
    const observed = yield* expectTokenError(poll(pending), { reason: "ReauthorizationRequired" })
    yield* waited(questions, 5)
    yield* expectThat(
      questions.length <= 2,
      `the client sends at most two requests in 12 seconds, not ${questions.length}`
    )
    return `${observed}; at most two requests in 12 seconds`
  }).pipe(fastForward)
)

export const device: ReadonlyArray<Case> = [approved, waiting, slower, denied, expired, unapproved]
