/** Somebody approves with a browser elsewhere what a program without one asks for. */
import type * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Case } from "../Case.js"
import { attack, works } from "../Case.js"
import { holds, refused } from "../Checks.js"
import type { Client } from "../Client.js"
import { hurried } from "../HurriedClock.js"
import { person } from "../Person.js"
import type { Between } from "../Provider.js"
import * as Provider from "../Provider.js"
import { optionsOf } from "../Session.js"

const grantType = "urn:ietf:params:oauth:grant-type:device_code"

/** What was asked and answered at the token endpoint: the seconds since the code was made, and the error. */
interface Question {
  readonly at: number
  readonly error: string | undefined
}

/** How a server is to behave. */
interface Manner {
  /** How long its codes live, in seconds. */
  readonly lifetime?: number
  /** How long it says that they live. */
  readonly pretended?: number
  /** How often it asks to slow down. */
  readonly busy?: number
}

/** A sign-in that was begun by the hurried clock, and what is asked because of it. */
interface Begun extends DeviceCode.Service {
  readonly pending: DeviceCode.Pending
  readonly questions: ReadonlyArray<Question>
}

/** Writes down what is asked and answered, with the time of a clock; asks to slow down, and exaggerates. */
const telling =
  (questions: Array<Question>, now: () => number, { busy = 0, pretended }: Manner): Between =>
  async (exchange, next) => {
    const { path } = exchange
    if (path === "/token" && questions.length < busy) {
      exchange.status = 400
      exchange.body = { error: "slow_down" }
    } else await next()
    // JSON of the server's, or a page.
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
    const pending = yield* service.begin
    begunAt = yield* Clock.currentTimeMillis
    const begun: Begun = { ...service, pending, questions }
    return begun
  })

/** How long was waited before each question, in seconds; what is asked for takes its time on top. */
const waitsOf = (questions: ReadonlyArray<Question>): ReadonlyArray<number> =>
  questions.map(({ at }, index) => Math.round(at - (questions[index - 1]?.at ?? 0)))

/** Fails where one of the waits is shorter than it has to be; the last one that is given holds for those that follow. */
const waited = (questions: ReadonlyArray<Question>, ...wanted: ReadonlyArray<number>) => {
  const waits = waitsOf(questions)
  const isEnough = (wait: number, index: number) => wait >= (wanted[index] ?? wanted.at(-1) ?? 0)
  const enough = waits.length >= wanted.length && waits.every(isEnough)
  return holds(enough, `it waits ${wanted.join(", ")} seconds before it asks, not ${waits.join(", ")}`)
}

const approved = works("device/approved", (client) =>
  Effect.gen(function* () {
    const { finish, pending, questions } = yield* prepared(client)
    yield* holds(pending.verificationUriComplete?.includes(pending.userCode) === true, "the URL has the code in it")
    yield* person().approves(pending.verificationUriComplete ?? pending.verificationUri, pending.userCode)
    const { claims, token } = yield* finish(pending)
    yield* holds(claims?.sub === "ada", "the ID token says who has signed in")
    yield* holds(token.scope === "openid read", `what was asked for is granted, not ${token.scope}`)
    yield* waited(questions, 5)
    return "ada, with the first question, 5 seconds after the code was made"
  }).pipe(hurried)
)

const waiting = attack("device/pending", (client) =>
  Effect.gen(function* () {
    const { finish, pending, questions } = yield* prepared(client)
    const seen = person().approves(pending.verificationUri, pending.userCode).pipe(Effect.delay("12 seconds"))
    const [{ claims }] = yield* Effect.all([finish(pending), seen], { concurrency: 2 })
    yield* holds(claims?.sub === "ada", "the ID token says who has signed in")
    yield* waited(questions, 5, 5)
    const errors = questions.map(({ error = "a token" }) => error).join(", ")
    return `asked every 5 seconds: ${errors}`
  }).pipe(hurried)
)

const slower = attack("device/slow-down", (client) =>
  Effect.gen(function* () {
    const { finish, pending, questions } = yield* prepared(client, { busy: 2 })
    yield* person().approves(pending.verificationUri, pending.userCode)
    const { claims } = yield* finish(pending)
    yield* holds(claims?.sub === "ada", "the ID token says who has signed in")
    yield* waited(questions, 5, 10, 15)
    return "asked after 5 seconds, then after 10, then after 15"
  }).pipe(hurried)
)

const denied = attack("device/denied", (client) =>
  Effect.gen(function* () {
    const { finish, pending, questions } = yield* prepared(client)
    yield* person().denies(pending.verificationUri, pending.userCode)
    const observed = yield* refused(finish(pending), { reason: "Rejected", error: "access_denied" })
    yield* holds(questions.length === 1, "nobody asks again")
    return observed
  }).pipe(hurried)
)

const expired = attack("device/expired", (client) =>
  Effect.gen(function* () {
    // Two seconds by the server's clock, while the client believes to have ten minutes.
    const { finish, pending, questions } = yield* prepared(client, { lifetime: 2, pretended: 600 })
    const observed = yield* refused(finish(pending), { reason: "ReauthorizationRequired" })
    const last = questions.filter(({ error }) => error === "expired_token").length
    yield* holds(last === 1, `it is told so once, not ${last} times`)
    return `${observed}; asked ${questions.length} times, told so once`
  }).pipe(hurried)
)

const nobody = attack("device/nobody-comes", (client) =>
  Effect.gen(function* () {
    // The lifetime is not hurried. A client that goes on asking must have asked a third time when it ends.
    const { finish, pending, questions } = yield* prepared(client, { lifetime: 8, pretended: 12 })
    const observed = yield* refused(finish(pending), { reason: "ReauthorizationRequired" })
    yield* waited(questions, 5)
    yield* holds(questions.length <= 2, `in 12 seconds it asks twice, not ${questions.length} times`)
    return `${observed}; asked at most twice in 12 seconds`
  }).pipe(hurried)
)

export const device: ReadonlyArray<Case> = [approved, waiting, slower, denied, expired, nobody]
