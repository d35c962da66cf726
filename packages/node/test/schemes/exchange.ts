/** One call with a scheme, the requests that servers received, and the check that holds for each call. */
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Received, Scheme } from "./received.js"

/** The time of the first request. */
const start = 1_700_000_000_000

/** The origins of the client. */
const own: ReadonlySet<string> = new Set(["https://api.test", "https://files.test"])

/** Responses to requests, by their index. Requests without the credentials that a challenge asks for do not count. */
export type Answer = (received: Received, index: number) => MockClient.Step

/** A call, and the responses to it. */
export interface Row {
  readonly call: (api: ApiClient.ApiClient<unknown>) => Effect.Effect<unknown, unknown>
  readonly answer: Answer
  readonly redirects?: ApiClient.Options["redirects"]
}

/** A request with the time when it arrived. */
interface Arrived extends Received {
  readonly at: number
}

/** What servers received of one call. */
export interface Exchange {
  readonly outcome: string
  /** Requests to the own origins, with credentials if the scheme has some. */
  readonly signed: ReadonlyArray<Arrived>
  readonly foreign: ReadonlyArray<Received>
}

const isOwn = ({ url }: Received): boolean => own.has(new URL(url).origin)

/** Whether a request of a scheme that waits for a challenge has no credentials yet. */
export const isProbe = (challenge: string | undefined, { headers }: Received): boolean =>
  challenge !== undefined && headers["authorization"] === undefined

/** "Success", or the tag of the error. */
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  const error = Cause.squash(exit.cause)
  if (typeof error === "object" && error !== null && "_tag" in error) return String(error._tag)
  throw new Error("the call died", { cause: error })
}

/** Time passes only for a retry that waits, not while WebCrypto signs a request. */
const passTime = Effect.flatMap(TestClock.sleeps(), (sleeps) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const next = Math.min(...sleeps)
    return next - now <= 10_000 ? TestClock.setTime(Math.max(next, now)) : Effect.void
  })
)

/** Signatures of WebCrypto need real turns of the event loop, and waits need the test clock. */
const driven = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let turn = 0; turn < 2000; turn++) {
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      const exit = yield* Fiber.poll(fiber)
      if (exit._tag === "Some") return exit.value
      yield* passTime
    }
    return expect.fail("the call does not end")
  })

/** Sends a call through a client with the scheme. */
export const exchange = (scheme: Pick<Scheme, "make" | "challenge">, row: Row) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    let index = 0
    const { client, mock } = yield* MockClient.make((sent) => {
      const received = receivedOf(sent)
      return isOwn(received) && isProbe(scheme.challenge, received)
        ? MockClient.respond(401, "", { "www-authenticate": scheme.challenge ?? "" })
        : row.answer(received, index++)
    })
    const { redirects } = row
    const api = yield* Effect.provideService(
      ApiClient.make({
        baseUrl: "https://api.test",
        origins: ["https://files.test"],
        auth: yield* scheme.make,
        ...(redirects !== undefined && { redirects })
      }),
      HttpClient.HttpClient,
      client
    )
    const exit = yield* driven(row.call(api))
    const sent = yield* mock.sent
    const arrived = sent.map((one) => ({ ...receivedOf(one), at: one.at }))
    return {
      outcome: outcomeOf(exit),
      signed: arrived.filter((one) => isOwn(one) && !isProbe(scheme.challenge, one)),
      foreign: arrived
        .filter((one) => !isOwn(one))
        .map(({ body, headers, method, url }) => ({ body, headers, method, url }))
    } satisfies Exchange
  })

const receivedOf = ({ body = "", headers, method, url }: MockClient.Sent): Received => ({ body, headers, method, url })

const verified = async ({ name, verify }: Scheme, received: Arrived, skew: number): Promise<void> => {
  try {
    await verify(received, received.at + skew)
  } catch (error) {
    throw new Error(`${name}: ${received.method} ${received.url}: ${String(error)}`, { cause: error })
  }
}

/** The requests to the own origins have credentials for exactly what arrived, and no two of them share a nonce. */
export const checkOwn = (scheme: Scheme, { signed }: Exchange, skewOf: (index: number) => number = () => 0) =>
  Effect.promise(async () => {
    for (const [index, received] of signed.entries()) await verified(scheme, received, skewOf(index))
    const { unique } = scheme
    if (unique !== undefined) expect(new Set(signed.map(unique)).size).toBe(signed.length)
  })

/** A request with its URL in parts. The query of a signed request may have another encoding, which a `Location` may repeat. */
const comparable = ({ url, ...rest }: Received) => {
  const { origin, pathname, searchParams } = new URL(url)
  return { ...rest, url: origin + pathname, query: [...searchParams] }
}

/** Another origin receives exactly what a client without credentials sends to it. */
export const checkForeign = (scheme: Scheme, { foreign }: Exchange, control: Exchange): void => {
  expect(foreign.map(comparable), scheme.name).toEqual(control.foreign.map(comparable))
  const text = JSON.stringify(foreign)
  for (const secret of scheme.secrets) expect(text).not.toContain(secret)
}

const controls = new Map<Row, Exchange>()

/** The same call without credentials. */
const controlOf = (row: Row) =>
  Effect.gen(function* () {
    const control = controls.get(row) ?? (yield* exchange({ make: Effect.succeed(Auth.none) }, row))
    controls.set(row, control)
    return control
  })

/** Sends a call, and checks it against the same call without credentials. */
export const check = (scheme: Scheme, row: Row) =>
  Effect.gen(function* () {
    const control = yield* controlOf(row)
    const made = yield* exchange(scheme, row)
    expect(made.outcome, scheme.name).toBe(control.outcome)
    expect(made.signed.map(({ method }) => method)).toEqual(control.signed.map(({ method }) => method))
    yield* checkOwn(scheme, made)
    checkForeign(scheme, made, control)
    return made
  })
